import { sql } from 'slonik'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { toHead } from '#domain/task/head.ts'
import { toAddress } from '../../../support/database-address.ts'
import { connectPostgresStore, openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { hasFaketime, startSteppablePostgres } from '../../../support/steppable-postgres.ts'
import { appendCommand, range, submitTo } from '../../../support/task-builders.ts'

const readAheadMs = async ({ pool }: Pick<PostgresStoreWorld, 'pool'>, of: number): Promise<number> => {
  const row = sql.type(z.object({ ms: z.int() }))
  const { ms } = await pool.one(row`select (extract(epoch from latest) * 1000)::bigint as ms from taskfold.clock`)
  return ms - of
}

describe('an append that is recorded far ahead of what the clock was known to have shown', () => {
  it('tells of it, so that its head is found after a step back that nobody else could tell of', async () => {
    const world = await openPostgresStore()
    const nothing = sql.type(z.unknown())
    await world.pool.query(nothing`update taskfold.clock set latest = clock_timestamp() - interval '16 seconds'`)
    const task = await submitTo(world)
    expect(await readAheadMs(world, task.times.submittedAt)).toBe(0)
    await world.pool.query(nothing`update taskfold.clock set latest = clock_timestamp() - interval '10 seconds'`)
    const next = await submitTo(world)
    expect(await readAheadMs(world, next.times.submittedAt)).toBeLessThan(-5_000)
    const head = toHead(task)
    await world.index.repairHead({ ...head, lastAt: head.lastAt + 60_000 })
    await appendCommand(world.store, task, { type: 'Cancel' })
    expect(await readAheadMs(world, head.lastAt + 60_000)).toBe(0)
    await world.close()
  })
})

describe.skipIf(!hasFaketime())('a clock that leaps ahead for a moment, right after an append told of it', () => {
  it(
    'is told of by the first append that it is recorded in, and by the next leap again',
    { timeout: 60_000 },
    async () => {
      const server = await startSteppablePostgres()
      await migrate({ address: toAddress(server.url), logger: silentLogger })
      const world = await connectPostgresStore(server.url)
      await world.partitions.ensurePartitions((await world.store.loadStreams([])).now)
      await submitTo(world)
      for (const _ of range(2)) {
        await server.stepClock(3_600_000)
        const ahead = await submitTo(world)
        expect(await readAheadMs(world, ahead.times.submittedAt)).toBe(0)
        await server.stepClock(0)
        const after = await submitTo(world)
        expect(after.times.submittedAt).toBeLessThan(ahead.times.submittedAt - 3_000_000)
        await world.pool.query(sql.unsafe`update taskfold.clock set latest = clock_timestamp()`)
      }
      await world.close()
      await server.remove()
    },
  )
})

describe('a head ahead of a clock that shows no sign of a step', () => {
  it('is not looked for before somebody has told of one, nor once no such head was left', async () => {
    const world = await openPostgresStore()
    const { runnable, index, store } = world
    const stepOver = async () => {
      const task = await submitTo(world)
      const head = toHead(task)
      await index.repairHead({ ...head, readyAt: head.lastAt + 60_000, lastAt: head.lastAt + 60_000 })
      return task
    }
    const task = await stepOver()
    const { now } = await store.loadStreams([])
    expect((await runnable.readSteppedOver(now, 100)).heads).toEqual([])
    expect((await runnable.readSteppedOver(now + 60_000, 100)).heads).toHaveLength(1)
    expect((await runnable.readSteppedOver(0, 100)).heads).toHaveLength(1)
    await appendCommand(store, task, { type: 'Cancel' })
    expect((await runnable.readSteppedOver(0, 100)).heads).toEqual([])
    await stepOver()
    expect((await runnable.readSteppedOver(0, 100)).heads).toEqual([])
    await world.close()
  })
})
