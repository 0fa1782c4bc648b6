import pg from 'pg'
import { sql } from 'slonik'
import { toAddress } from '../../../support/database-address.ts'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createPostgresEventFeed } from '#adapters/postgres/events/event-feed.ts'
import { createPostgresIdempotencyLedger } from '#adapters/postgres/ledger/idempotency-ledger.ts'
import { encodeAppend, toAppendStatement } from '#adapters/postgres/events/append-statement.ts'
import { adoptInstallation } from '#adapters/postgres/events/installation.ts'
import type { FeedCursor } from '#application/ports/events/event-feed.ts'
import { noTask } from '#domain/task/state.ts'
import { openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'
import { claimEffect, runOf, start } from '../../../support/run-commands.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { appendCommand, makeAppend, makeSubmission, range, submit, submitTo } from '../../../support/task-builders.ts'

let world: PostgresStoreWorld
beforeAll(async () => {
  world = await openPostgresStore()
})
afterAll(async () => {
  await world.close()
})

const read = async (cursor: FeedCursor | undefined, limit = 1_000, feed = world.feed) => {
  const page = await feed.readAfter(cursor, limit)
  if (page.kind !== 'page') throw new Error('the cursor was refused')
  return page
}

/** A transaction that has begun to write and does not end until it is told to. */
const openTransaction = async (url: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  await client.query('begin')
  await client.query('select pg_current_xact_id()')
  return {
    pid: rows[0]?.pid,
    end: async (): Promise<void> => {
      await client.query('commit')
      await client.end()
    },
  }
}

/** Appends until the feed has gone past them, for which every other transaction must end. */
const passBy = async (from: FeedCursor, count: number): Promise<void> => {
  await expect.poll(async () => (await read(from)).events.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count)
}

describe('the feed of a database', () => {
  it('waits for a transaction that has begun to write, and names it', async () => {
    const from = await world.feed.latest()
    const barrier = await openTransaction(world.url)
    const task = await submitTo(world)
    expect((await read(from)).events).toEqual([])
    await expect.poll(async () => (await world.feed.findBarrier())?.pid, { timeout: 10_000 }).toBe(barrier.pid)
    await barrier.end()
    await passBy(from, 1)
    expect((await read(from)).events.map(({ event }) => event.taskId)).toEqual([task.taskId])
  })

  it('ends, for whoever asks for the latest while an append is under way, before that append', async () => {
    const submission = makeSubmission()
    const earlier = await submitTo(world, submission)
    const route = await world.routes.numberOf(submission)
    const underWay = makeAppend(noTask, submit(submission))
    const appended = Promise.withResolvers<void>()
    const mayCommit = Promise.withResolvers<void>()
    const committed = world.pool.transaction(async (connection) => {
      await connection.query(toAppendStatement([encodeAppend(underWay, route)], 'each').query)
      appended.resolve()
      await mayCommit.promise
    })
    await appended.promise
    // It is stored in a later transaction, and is there first.
    const later = await submitTo(world, submission)
    const from = await world.feed.latest()
    mayCommit.resolve()
    await committed
    await passBy(from, 2)
    const taskIds = (await read(from)).events.map(({ event }) => event.taskId)
    expect(taskIds).toEqual([underWay.taskId, later.taskId])
    expect(taskIds).not.toContain(earlier.taskId)
  })

  it('goes on while a transaction of another database of the server is open, and begins behind it', async () => {
    const elsewhere = await openTransaction(inject('postgresUrl'))
    const from = await world.feed.latest()
    const tasks = [await submitTo(world), await submitTo(world)]
    await passBy(from, 2)
    expect((await read(from)).events.map(({ event }) => event.taskId)).toEqual(tasks.map(({ taskId }) => taskId))
    expect((await world.feed.findBarrier())?.pid).not.toBe(elsewhere.pid)
    const latest = await world.feed.latest()
    expect((await read(latest)).events).toEqual([])
    await elsewhere.end()
  })

  it('cuts a page short by its weight, and goes on behind it', async () => {
    const from = await world.feed.latest()
    const payload = JSON.stringify('x'.repeat(10_000))
    const tasks = await Promise.all(range(6).map(() => submitTo(world, makeSubmission({ payload }))))
    await passBy(from, 6)
    const light = createPostgresEventFeed({ pool: world.pool, pageBytesMax: 25_000 })
    const sizes: number[] = []
    let cursor = from
    for (let page = await read(cursor, 100, light); page.events.length > 0; page = await read(cursor, 100, light)) {
      sizes.push(page.events.length)
      cursor = page.next
    }
    expect(sizes).toEqual([2, 2, 2])
    const tiny = createPostgresEventFeed({ pool: world.pool, pageBytesMax: 1 })
    expect((await read(from, 100, tiny)).events).toHaveLength(1)
    expect(tasks).toHaveLength(6)
  })
})

describe('a copy that was restored elsewhere', () => {
  it('refuses the cursors of the original, and has what comes next after everything before', async () => {
    const copy = await openPostgresStore()
    try {
      const before = await submitTo(copy)
      const given = await copy.feed.latest()
      // As if its events had been written in a cluster that had come much further.
      await copy.pool.query(sql.unsafe`alter table taskfold.events disable trigger user`)
      await disableGuards(copy)
      await copy.pool.query(sql.unsafe`update taskfold.events set xid = '4000000000'::xid8`)
      await copy.pool.query(sql.unsafe`update taskfold.installation set home = 'elsewhere'`)
      await adoptInstallation({ pool: copy.pool, logger: silentLogger })
      await adoptInstallation({ pool: copy.pool, logger: silentLogger })
      const after = await appendCommand(copy.store, before, start(before))
      expect(await copy.feed.readAfter(given, 10)).toEqual({ kind: 'unknown-cursor' })
      await expect.poll(async () => (await read(undefined, 10, copy.feed)).events.length, { timeout: 10_000 }).toBe(2)
      const { events } = await read(undefined, 10, copy.feed)
      expect(events.map(({ event }) => event.version)).toEqual([1, 2])
      expect((await read(events[0]?.cursor, 10, copy.feed)).events.map(({ event }) => event.version)).toEqual([2])
      expect(events[1]?.cursor.xid).toBeGreaterThan(2 ** 44)
      expect(runOf(after)).toBe(2)
    } finally {
      await copy.close()
    }
  })

  it('ends every incarnation of before, whose runs may be lost with their starts', async () => {
    await world.pool.query(sql.unsafe`
      insert into taskfold.workers (incarnation, host, pid, types, concurrency, lease_ms)
      values (gen_random_uuid(), 'somewhere', 1, '{}', 1, 15000)`)
    await world.pool.query(sql.unsafe`update taskfold.installation set home = 'elsewhere'`)
    await adoptInstallation({ pool: world.pool, logger: silentLogger })
    expect(await world.pool.anyFirst(sql.unsafe`select state from taskfold.workers`)).toEqual(['ended'])
  })

  it('keeps the keys that receivers know', async () => {
    const task = await submitTo(world).then((pending) => appendCommand(world.store, pending, start(pending)))
    const claim = claimEffect(task)
    const first = await world.ledger.claim(claim)
    await world.pool.query(sql.unsafe`update taskfold.installation set home = 'elsewhere'`)
    await adoptInstallation({ pool: world.pool, logger: silentLogger })
    expect(
      await createPostgresIdempotencyLedger({ pool: world.pool, address: toAddress(world.url) }).claim(claim),
    ).toEqual(first)
  })
})

const disableGuards = async ({ pool }: PostgresStoreWorld): Promise<void> => {
  const partitions = await pool.anyFirst(sql.unsafe`
    select inhrelid::regclass::text as name
    from pg_inherits
    where inhparent = 'taskfold.events'::regclass`)
  for (const name of partitions) {
    const table = sql.identifier(String(name).split('.'))
    await pool.query(sql.unsafe`alter table ${table} disable trigger user`)
  }
}
