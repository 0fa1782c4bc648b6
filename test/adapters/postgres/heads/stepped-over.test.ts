import { sql } from 'slonik'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { toHead } from '#domain/task/head.ts'
import { openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'
import { appendCommand, submitTo } from '../../../support/task-builders.ts'

describe('an append that is recorded far ahead of what the clock was known to have shown', () => {
  const readAheadMs = async ({ pool }: PostgresStoreWorld, of: number): Promise<number> => {
    const row = sql.type(z.object({ ms: z.int() }))
    const { ms } = await pool.one(row`select (extract(epoch from latest) * 1000)::bigint as ms from taskfold.clock`)
    return ms - of
  }

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
