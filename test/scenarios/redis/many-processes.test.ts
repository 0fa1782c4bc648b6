import { afterEach, describe, expect, it } from 'vitest'
import { openConsole } from '../../adapters/redis/support/clients.ts'
import { hasRedisServer, type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { expectWholeHistory } from '../support/audit.ts'
import { quickLease } from '../support/fleet.ts'
import { submitMany, until } from '../support/http.ts'
import { type RedisFleet, startRedisFleet } from './support/redis-fleet.ts'

/** Ten thousand in a campaign; a small dose otherwise. */
const taskCount = Number(process.env['SCENARIO_TASKS'] ?? 2_000)

/** Most are over at once; some last, so that a killed worker has something to lose. */
const toSubmission = (index: number) =>
  index % 10 === 0 ? { type: 'demo.sleep', payload: { ms: 1_000 } } : { type: 'demo.echo', payload: { index } }

let server: RedisServer
let redisFleet: RedisFleet
afterEach(async () => {
  await redisFleet?.close()
  await server?.remove()
})

describe.runIf(hasRedisServer())('two APIs and three workers on one Redis', () => {
  it(
    'record every task once while a worker is killed and Redis loses everything twice',
    { timeout: 240_000 },
    async () => {
      server = await startRedisServer()
      redisFleet = await startRedisFleet({ redisUrl: server.url, env: { ...quickLease, RECONCILE_MS: '2000' } })
      const { apis, workers, watch, fleet } = redisFleet
      const ask = openConsole(server)
      const half = Math.floor(taskCount / 2)
      const submitted = Promise.all(apis.map(({ url }) => submitMany(url, half, toSubmission, 24)))
      submitted.catch(() => {})
      const ended = (share: number) =>
        until(
          `${share} of the tasks`,
          async () => ((await watch.countEnded()) > taskCount * share ? 'yes' : undefined),
          120_000,
        )
      await ended(0.1)
      await ask.flushall()
      await ended(0.3)
      const victim = workers[0]
      await until('runs of the victim', async () => {
        const running = await watch.query(
          `select from taskfold.tasks join taskfold.workers using (incarnation) where pid = $1 limit 1`,
          [victim?.pid],
        )
        return running.length > 0 ? 'some' : undefined
      })
      victim?.signal('SIGKILL')
      await ended(0.5)
      await ask.flushall()
      const tasks = (await submitted).flat()
      await until('the end of all', async () => ((await watch.countEnded()) === 2 * half ? 'yes' : undefined), 120_000)

      expect(new Set(tasks.map(({ id }) => id)).size).toBe(2 * half)
      const audit = await expectWholeHistory(fleet.database.url)
      const lost = await watch.query(
        `select count(*)::int as count from taskfold.events where type = 'Failed' and data ->> 'cause' = 'worker-lost'`,
      )
      const lostRuns = Number(lost[0]?.['count'])
      // A lost run costs Failed, Retried and the next Started.
      expect(audit).toEqual({ tasks: 2 * half, ended: 2 * half, succeeded: 2 * half, events: 6 * half + 3 * lostRuns })
      process.stdout.write(`${2 * half} tasks; the killed worker lost ${lostRuns} runs\n`)
    },
  )
})
