import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { hasRedisServer, type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { expectWholeHistory } from '../support/audit.ts'
import { until } from '../support/http.ts'
import { keepSubmitting, type Load } from '../support/load.ts'
import { readCounts } from '../support/counts.ts'
import { type RedisFleet, startRedisFleet } from './support/redis-fleet.ts'

const taskCount = Number(process.env['SCENARIO_TASKS'] ?? 2_000)

let server: RedisServer
let redisFleet: RedisFleet
afterEach(async () => {
  await redisFleet?.close()
  await server?.remove()
})

const newRelease = { HANDLERS: join(import.meta.dirname, 'handlers/added-type.ts') }

const env = { LOG_LEVEL: 'debug', RECONCILE_MS: '2000' }

/** Two of the old types and one that only the new workers have, all on one queue. */
const submission = (index: number) => ({
  type: ['demo.echo', 'scenario.added', 'demo.echo'][index % 3],
  payload: { index },
})

describe.runIf(hasRedisServer())('a rolling deploy of workers on one queue', () => {
  it('runs every task, and no id bounces', { timeout: 300_000 }, async () => {
    server = await startRedisServer()
    redisFleet = await startRedisFleet({ redisUrl: server.url, workers: 2, env })
    const { apis, workers: old, watch, startWorker, fleet } = redisFleet
    const loads: readonly Load[] = apis.map(({ url }) => keepSubmitting(url, { submission, inFlight: 4 }))
    const acknowledged = (): number => loads.reduce((sum, load) => sum + load.acknowledged.length, 0)
    const submitted = (share: number) =>
      until(`${share} of the load`, async () => (acknowledged() >= taskCount * share ? 'yes' : undefined), 120_000)

    // For a while nobody has the new type.
    await submitted(0.3)
    const added: (typeof old)[number][] = []
    for (const [place, worker] of old.entries()) {
      added.push(await startWorker(newRelease))
      await submitted(0.3 + 0.25 * (place + 1))
      worker.signal('SIGTERM')
      expect(await worker.ended).toBe(0)
    }
    await submitted(1)
    await Promise.all(loads.map((load) => load.stop()))
    const count = acknowledged()
    await until('the end of all', async () => ((await watch.countEnded()) === count ? 'yes' : undefined), 120_000)
    for (const worker of added) {
      worker.signal('SIGTERM')
      expect(await worker.ended).toBe(0)
    }

    expect(loads.flatMap(({ refusals }) => refusals)).toEqual([])
    // What a draining worker has claimed and not begun it hands back unspent: Released, and the next Started.
    const released = await watch.query(`select from taskfold.events where type = 'Released'`)
    const whole = { tasks: count, ended: count, succeeded: count, events: 3 * count + 2 * released.length }
    expect(await expectWholeHistory(fleet.database.url)).toEqual(whole)
    const counts = [...old, ...added].map(readCounts)
    const dropped = counts.reduce((sum, each) => sum + droppedOf(each), 0)
    process.stdout.write(`${count} tasks, ${dropped} ids dropped: ${dropped / count} a task\n`)
    process.stdout.write(`${counts.map((each) => JSON.stringify(each)).join('\n')}\n`)
    expect(dropped / count).toBeLessThan(0.01)
  })
})

const droppedOf = (counts: Readonly<Record<string, number>>): number =>
  Object.entries(counts).reduce((sum, [name, by]) => (name.startsWith('dropped-') ? sum + by : sum), 0)
