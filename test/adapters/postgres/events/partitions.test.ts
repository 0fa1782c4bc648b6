import { sql } from 'slonik'
import { z } from 'zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPartitionGuard } from '#adapters/postgres/events/partitions.ts'
import { findTaskId, type TaskId } from '#domain/identifiers.ts'
import { mintTaskId } from '../../../support/ids.ts'
import { connectPostgresStore, openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'

let world: PostgresStoreWorld

beforeAll(async () => {
  world = await openPostgresStore()
})
afterAll(async () => {
  await world.close()
})

const aDayMs = 86_400_000

const countPartitions = async (): Promise<number> => {
  const count = await world.pool.oneFirst(sql.type(z.object({ count: z.int() }))`
    select count(*) as count from pg_inherits where inhparent = 'taskfold.events'::regclass`)
  return count
}

/** An id as it would be minted at that instant. */
const idOf = (instant: number): TaskId => {
  const digits = instant.toString(16).padStart(12, '0')
  const taskId = findTaskId(`${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000001`)
  if (taskId === undefined) throw new RangeError('no instant')
  return taskId
}

describe('the partitions of events', () => {
  it('reach three weeks ahead, and are made once however many processes ask for them, and however often', async () => {
    const other = await connectPostgresStore(world.url)
    const { now } = await world.store.loadStreams([])
    const before = await countPartitions()
    const reach = await Promise.all(
      [world, other, world, other].map(({ partitions }) => partitions.ensurePartitions(now)),
    )
    await other.close()
    expect(new Set(reach).size).toBe(1)
    expect(reach[0]).toBeGreaterThan(now + 21 * aDayMs)
    expect(await countPartitions()).toBe(before)
  })

  it('come back when one in their midst was taken away', async () => {
    const before = await countPartitions()
    const name = await world.pool.oneFirst(sql.type(z.object({ name: z.string() }))`
      select 'events_' || to_char(date_trunc('week', now() at time zone 'UTC') + interval '7 days', 'YYYYMMDD') as name`)
    await world.pool.query(sql.unsafe`drop table ${sql.identifier(['taskfold', name])}`)
    await world.partitions.ensurePartitions((await world.store.loadStreams([])).now)
    expect(await countPartitions()).toBe(before)
  })
})

describe('the guard of partitions', () => {
  const openGuard = () => {
    let elapsedMs = 0
    const guard = createPartitionGuard({ pool: world.pool, monotonicMs: () => elapsedMs })
    return {
      guard,
      advance: (ms: number) => {
        elapsedMs += ms
      },
    }
  }

  it('lets ids in from now until three weeks ahead, and none far before or behind', async () => {
    const { guard } = openGuard()
    const { now } = await world.store.loadStreams([])
    expect(await guard.hasPlaceFor(mintTaskId())).toBe(true)
    for (const days of [-0.5, 1, 7, 14, 21]) expect(await guard.hasPlaceFor(idOf(now + days * aDayMs))).toBe(true)
    for (const days of [-60, 60, 3_650]) expect(await guard.hasPlaceFor(idOf(now + days * aDayMs))).toBe(false)
  })

  it('learns of those that another process made meanwhile', async () => {
    const { guard, advance } = openGuard()
    const { now } = await world.store.loadStreams([])
    const later = idOf(now + 365 * aDayMs)
    expect(await guard.hasPlaceFor(later)).toBe(false)
    await world.pool.query(sql.unsafe`select taskfold.make_event_partitions(now() + interval '365 days', 1)`)
    advance(10_000)
    expect(await guard.hasPlaceFor(later)).toBe(true)
  })
})
