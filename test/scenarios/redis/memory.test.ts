import type { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { openConsole } from '../../adapters/redis/support/clients.ts'
import { hasRedisServer, type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { submit, until, untilStatus } from '../support/http.ts'
import { type RedisFleet, startRedisFleet } from './support/redis-fleet.ts'

/** A hundred thousand and a million in a campaign; a small dose otherwise. */
const waitingCount = Number(process.env['SCENARIO_WAITING'] ?? 10_000)
const tenfold = process.env['SCENARIO_WAITING'] !== undefined

let server: RedisServer
let redisFleet: RedisFleet
afterEach(async () => {
  await redisFleet?.close()
  await server?.remove()
})

const usedBytes = async (ask: Redis): Promise<number> => Number(/used_memory:(\d+)/.exec(await ask.info('memory'))?.[1])

const key = 'taskfold:{*}:demo.echo'

/** Copies of a pending task, with its history and under ids of their own. */
const copyTask = `
  with template as (
    select * from taskfold.events where task_id = $1
  ), ids as (
    select (left($1::text, 13) || '-7' || substr(md5(random()::text), 1, 3) || '-8' || substr(md5(random()::text), 1, 3)
      || '-' || substr(md5(random()::text), 1, 12))::uuid as id
    from generate_series(1, $2::int)
  ), heads as (
    insert into taskfold.tasks (task_id, version, status, attempt, route, priority, ready_at, last_at)
    select id, t.version, t.status, t.attempt, t.route, t.priority, t.ready_at, t.last_at
    from taskfold.tasks t, ids
    where t.task_id = $1
    on conflict do nothing
    returning task_id
  )
  insert into taskfold.events (task_id, version, append_id, recorded_at, xid, type, data, body, meta)
  select heads.task_id, e.version, gen_random_uuid(), e.recorded_at, pg_current_xact_id(), e.type, e.data, e.body, e.meta
  from template e, heads`

describe.runIf(hasRedisServer())('the memory of Redis', () => {
  it(
    'is small for tasks that wait, bounded however many they are, and free of tasks that have ended',
    {
      timeout: 1_800_000,
    },
    async () => {
      server = await startRedisServer()
      // Its one slot is taken while the others wait, so that it serves them and runs none.
      redisFleet = await startRedisFleet({
        redisUrl: server.url,
        workers: 1,
        env: { CONCURRENCY: '1', RECONCILE_MS: '100' },
      })
      const { apis, watch, workers, startWorker } = redisFleet
      const ask = openConsole(server)
      const blocker = await submit(apis[0].url, {
        type: 'demo.sleep',
        payload: { ms: 600_000 },
        timeoutMs: 86_400_000,
      })
      await untilStatus(apis[0].url, blocker.id, 'PROCESSING')
      const template = await submit(apis[0].url, { type: 'demo.echo', payload: null, priority: -100 })
      const before = await usedBytes(ask)

      const addWaiting = async (count: number): Promise<void> => {
        for (let left = count; left > 0; left -= 50_000)
          await watch.query(copyTask, [template.id, Math.min(left, 50_000)])
      }
      const held = (count: number) =>
        until(`${count} hints`, async () => ((await ask.zcard(key)) >= count ? 'yes' : undefined), 900_000)
      await addWaiting(waitingCount)
      await held(Math.floor(waitingCount * 0.99))
      const small = (await usedBytes(ask)) - before
      process.stdout.write(`${waitingCount} tasks that wait: ${small} bytes of Redis\n`)
      expect(small).toBeLessThan((20_000_000 * waitingCount) / 100_000)
      if (tenfold) {
        await addWaiting(9 * waitingCount)
        await new Promise((resolve) => setTimeout(resolve, 30_000))
        const large = (await usedBytes(ask)) - before
        process.stdout.write(`${10 * waitingCount} tasks that wait: ${large} bytes of Redis\n`)
        expect(await ask.zcard(key)).toBeLessThanOrEqual(100_000)
        expect(large).toBeLessThan(20_000_000)
        return
      }
      workers[0]?.signal('SIGKILL')
      await startWorker({ CONCURRENCY: '50', RECONCILE_MS: '2000' })
      const ended = async () => ((await watch.countEnded()) >= waitingCount ? 'yes' : undefined)
      await until('the end of all', ended, 300_000)
      await until('an empty queue', async () => ((await ask.zcard(key)) === 0 ? 'yes' : undefined))
      expect(await ask.exists(key)).toBe(0)
      process.stdout.write(`${waitingCount} tasks that ended: ${(await usedBytes(ask)) - before} bytes of Redis\n`)
    },
  )
})
