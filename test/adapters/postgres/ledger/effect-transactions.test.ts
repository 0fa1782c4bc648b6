import pg from 'pg'
import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EffectQuery } from '#application/ports/ledger/handler-effects.ts'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import { createPostgresIdempotencyLedger } from '#adapters/postgres/ledger/idempotency-ledger.ts'
import type { Task } from '#domain/task/state.ts'
import { type Ambush, type CutProxy, startCutProxy } from '../../../faults/support/cut-proxy.ts'
import { createPostgresConversation } from '../../../faults/support/postgres-conversation.ts'
import { toAddress } from '../../../support/database-address.ts'
import { insertNote } from '../../../support/memory-notes.ts'
import { connectPostgresStore, openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'
import { declareLost, holdEffect, start } from '../../../support/run-commands.ts'
import { appendCommand, makeAppend, submitTo } from '../../../support/task-builders.ts'

let world: PostgresStoreWorld & { readonly url: string; readonly notes: { read(): Promise<readonly string[]> } }
let proxy: CutProxy
/** Its transactions go through the proxy. */
let ledger: IdempotencyLedger & { close(): Promise<void> }
beforeAll(async () => {
  world = await openPostgresStore()
  const url = new URL(world.url)
  proxy = await startCutProxy(Number(url.port), createPostgresConversation)
  url.port = String(proxy.port)
  url.hostname = '127.0.0.1'
  ledger = createPostgresIdempotencyLedger({ pool: world.pool, address: toAddress(url.href) })
})
afterAll(async () => {
  await ledger.close()
  await proxy.close()
  await world.close()
})

const begin = async (): Promise<Task> => {
  const pending = await submitTo(world)
  return appendCommand(world.store, pending, start(pending))
}
const transact = (task: Task, work: (query: EffectQuery) => Promise<unknown>, name = 'send') =>
  ledger.transact(
    {
      ...holdEffect(task, name),
      attempt: 1,
      input: undefined,
      signal: new AbortController().signal,
    },
    async ({ query }) => JSON.stringify((await work(query)) ?? null),
  )
const completed = (result: string) => ({ kind: 'completed', result })
const isWritten = async (note: string) => (await world.notes.read()).includes(note)

describe('a transaction whose connection is lost', () => {
  it('is done once when the reply to its commit was lost', async () => {
    const task = await begin()
    const { taskId } = task
    let ambush: Ambush | undefined
    await expect(
      transact(task, async (query) => {
        await query(insertNote, [taskId])
        // The next write on this connection is the commit.
        ambush = proxy.harmWrites('answer-lost', 1)
      }),
    ).rejects.toMatchObject({ name: 'StoreUnavailableError', fate: 'unknown' })
    expect(ambush?.met).toBe(1)
    ambush?.end()
    expect(await transact(task, () => expect.unreachable('it was committed'))).toEqual(completed('null'))
    expect(await isWritten(taskId)).toBe(true)
  })

  it('has not happened when that was before its commit, whatever its work made of the error', async () => {
    const task = await begin()
    const { taskId } = task
    const caught: unknown[] = []
    const cut = transact(task, async (query) => {
      await query(insertNote, [taskId])
      proxy.cut('reset')
      await query('select 1').catch((error: unknown) => caught.push(error))
    })
    await expect(cut).rejects.toMatchObject({ name: 'StoreUnavailableError', fate: 'not-stored' })
    expect(caught).toEqual([expect.any(StoreUnavailableError)])
    expect([await isWritten(taskId), await world.ledger.list(taskId)]).toEqual([false, []])
    expect(await transact(task, (query) => query(insertNote, [taskId]))).toMatchObject({ kind: 'completed' })
  })

  it('is no outage when the server ended it because it paused for too long', async () => {
    const task = await begin()
    const paused = transact(task, async (query) => {
      await query(`set local idle_in_transaction_session_timeout = 50`)
      await sleep(60_000, undefined, { ref: false })
    })
    await expect(paused).rejects.toMatchObject({ name: 'EffectQueryError', code: '25P03' })
  })

  it('is rolled back when the store is closed in the middle of it', async () => {
    const task = await begin()
    const closing = createPostgresIdempotencyLedger({ pool: world.pool, address: toAddress(world.url) })
    const begun = Promise.withResolvers<void>()
    const { signal } = new AbortController()
    const claim = { ...holdEffect(task), attempt: 1, input: undefined, signal }
    const open = closing.transact(claim, async ({ query }) => {
      await query(insertNote, [task.taskId])
      begun.resolve()
      return new Promise(() => {})
    })
    open.catch(() => {})
    await begun.promise
    await closing.close()
    await expect(open).rejects.toThrow(StoreUnavailableError)
    expect(await world.ledger.list(task.taskId)).toEqual([])
  })
})

describe('the statements of a transaction', () => {
  it('come one at a time, and cannot commit by another way', async () => {
    const task = await begin()
    const { taskId } = task
    for (const text of [
      `select 1; commit`,
      `do $$ begin commit; end $$`,
      `do $$ begin execute 'rollback'; end $$`,
      `commit prepared 'x'`,
    ]) {
      const attempt = transact(task, async (query) => {
        await query(insertNote, [taskId])
        await query(text)
      })
      await expect(attempt, text).rejects.toMatchObject({ name: 'EffectQueryError' })
    }
    expect([await isWritten(taskId), await world.ledger.list(taskId)]).toEqual([false, []])
  })

  it('may go back to a savepoint after one of them was refused', async () => {
    const task = await begin()
    const { taskId } = task
    const verdict = await transact(task, async (query) => {
      await query(insertNote, [taskId])
      await query('savepoint a')
      await query(insertNote, [taskId]).catch(() => {})
      await query('rollback to a')
      return (await query('select count(*) as n from notes where note = $1', [taskId])).rows
    })
    expect(verdict).toEqual(completed('[{"n":"1"}]'))
    expect(await isWritten(taskId)).toBe(true)
  })

  it('are refused by the commit when a deferred constraint is violated', async () => {
    await world.pool.query(sql.unsafe`create table deferred (n int unique deferrable initially deferred)`)
    const task = await begin()
    const twice = transact(task, async (query) => {
      await query('insert into deferred values (1), (1)')
    })
    await expect(twice).rejects.toMatchObject({ name: 'EffectQueryError', code: '23505', constraint: 'deferred_n_key' })
    expect(await world.ledger.list(task.taskId)).toEqual([])
  })

  it('may have a value that cannot be sent, which is no outage', async () => {
    const task = await begin()
    const verdict = await transact(task, async (query) => {
      await expect(query('select $1::json', [{ n: 1n }])).rejects.toThrow(TypeError)
      return (await query('select $1::text as text', ['still there'])).rows
    })
    expect(verdict).toEqual(completed('[{"text":"still there"}]'))
  })

  it('leave nothing in their session for the next transaction', async () => {
    const task = await begin()
    await transact(task, async (query) => {
      await query(`set session application_name = 'mine'`)
      await query(`create temp table mine (n int)`)
      await query(`select pg_advisory_lock(7)`)
    })
    for (let tries = 0; tries < 12; tries += 1) {
      const name = `look-${tries}`
      const look = await transact(
        task,
        async (query) =>
          (
            await query(
              `select current_setting('application_name') as name, to_regclass('pg_temp.mine') as mine,
                      (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`,
            )
          ).rows,
        name,
      )
      expect(look).toEqual(completed('[{"name":"taskfold effects","mine":null,"locks":0}]'))
    }
  })

  it('wait two seconds for a lock, and hold up no append meanwhile', async () => {
    const task = await begin()
    await world.pool.query(sql.unsafe`insert into notes (note) values ('locked')`)
    const other = new pg.Client({ connectionString: world.url })
    await other.connect()
    try {
      await other.query('begin')
      await other.query(`select from notes where note = 'locked' for update`)
      const waiting = transact(task, (query) => query(`delete from notes where note = 'locked'`))
      waiting.catch(() => {})
      await begin()
      await expect(waiting).rejects.toMatchObject({ name: 'EffectQueryError', code: '55P03' })
    } finally {
      await other.end()
    }
  })
})

describe('a transaction that is about to commit', () => {
  it('keeps its run from being replaced until it has', async () => {
    // The commit waits for a lock that the test holds, after the run was compared for the last time.
    await world.pool.query(sql.unsafe`create table held_at_commit (id int)`)
    await world.pool.query(sql.unsafe`
      create function wait_for_test() returns trigger language plpgsql as
      'begin perform pg_advisory_xact_lock(7); return null; end'`)
    await world.pool.query(sql.unsafe`
      create constraint trigger waits after insert on held_at_commit deferrable initially deferred
      for each row execute function wait_for_test()`)
    const holder = new pg.Client({ connectionString: world.url })
    await holder.connect()
    await holder.query('select pg_advisory_lock(7)')
    const task = await begin()
    const committed = transact(task, async (query) => {
      await query(`set local lock_timeout = '60s'`)
      await query('insert into held_at_commit values (1)')
    })
    await expect.poll(() => countWaiting(), { timeout: 20_000 }).toBe(1)
    const hasty = await connectPostgresStore(world.url, { limits: { busyDeadlineMs: 200 } })
    await expect(hasty.store.append(makeAppend(task, declareLost(task)))).rejects.toThrow()
    await holder.query('select pg_advisory_unlock(7)')
    await holder.end()
    expect(await committed).toEqual(completed('null'))
    expect(await hasty.store.append(makeAppend(task, declareLost(task)))).toMatchObject({ kind: 'appended' })
    await hasty.close()
  })

  const countWaiting = () =>
    world.pool.oneFirst(sql.unsafe`
      select count(*)::int
      from pg_locks l
      join pg_database d on d.oid = l.database
      where l.locktype = 'advisory' and not l.granted and d.datname = current_database()`)
})
