import pg from 'pg'
import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPostgresSubmitKeys } from '#adapters/postgres/events/submit-keys.ts'
import type { Append } from '#application/ports/events/event-store.ts'
import type { SubmitKey } from '#application/ports/events/submit-keys.ts'
import { noTask } from '#domain/task/state.ts'
import { connectPostgresStore, openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'
import { makeAppend, makeKey, makeName, makeSubmission, range, submit } from '../../../support/task-builders.ts'

let world: PostgresStoreWorld
beforeAll(async () => {
  world = await openPostgresStore()
})
afterAll(() => world.close())

const submission = makeSubmission()
const makeFirst = (key: SubmitKey): Append => makeAppend(noTask, submit(submission), { key })

/** Takes a key in another transaction, which stays open. */
const holdKey = async (key: SubmitKey, append: Append) => {
  const client = new pg.Client({ connectionString: world.url })
  client.on('error', () => {})
  await client.connect()
  await client.query('begin')
  await client.query(
    `insert into taskfold.submit_keys (scope, key, task_id, fingerprint, created_at)
     values ($1, $2, $3, decode($4, 'hex'), clock_timestamp())`,
    [key.scope, key.key, append.taskId, key.fingerprint],
  )
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return { client, pid: rows[0]?.pid ?? 0 }
}

/** Resolves when an append waits for a lock that another transaction holds. */
const untilWaiting = async (): Promise<void> => {
  for (let look = 0; look < 500; look += 1) {
    const waiting = await world.pool.oneFirst(sql.unsafe`
      select count(*)::int from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%taskfold.append%'`)
    if (waiting !== 0) return
  }
  throw new Error('no append came to wait')
}

describe('equal keys in two processes', () => {
  it('make one task of forty appends at once', async () => {
    const other = await connectPostgresStore(world.url)
    for (const _ of range(5)) {
      const keys = range(10).map(() => makeKey())
      const appends = range(4).flatMap((round) => (round % 2 === 0 ? keys : keys.toReversed()).map(makeFirst))
      const verdicts = await Promise.all(
        appends.map((append, place) => (place % 20 < 10 ? world : other).store.append(append)),
      )
      const winners = new Map(
        appends.flatMap(({ key, taskId }, place) =>
          verdicts[place]?.kind === 'appended' ? [[key?.key ?? '', taskId] as const] : [],
        ),
      )
      expect(winners.size).toBe(10)
      verdicts.forEach((verdict, place) => {
        const { key } = appends[place] ?? {}
        const taskId = winners.get(key?.key ?? '')
        if (verdict.kind !== 'appended') {
          expect(verdict).toEqual({ kind: 'duplicate', taskId, fingerprint: key?.fingerprint })
        }
      })
      const { streams } = await world.store.loadStreams(appends.map(({ taskId }) => taskId))
      expect(streams.size).toBe(10)
    }
    await other.close()
  })
})

describe('a key that another transaction is taking', () => {
  it('is waited for, and is held when that one commits', async () => {
    const key = makeKey()
    const earlier = makeFirst(key)
    const { client } = await holdKey(key, earlier)
    const verdict = world.store.append(makeFirst(key))
    await untilWaiting()
    await client.query('commit')
    await client.end()
    expect(await verdict).toEqual({ kind: 'duplicate', taskId: earlier.taskId, fingerprint: key.fingerprint })
  })

  it.each(['rolled back', 'killed'] as const)('is free when that one is %s', async (end) => {
    const key = makeKey()
    const { client, pid } = await holdKey(key, makeFirst(key))
    const verdict = world.store.append(makeFirst(key))
    await untilWaiting()
    if (end === 'rolled back') await client.query('rollback')
    else await world.pool.query(sql.unsafe`select pg_terminate_backend(${pid}::int)`)
    expect(await verdict).toMatchObject({ kind: 'appended' })
    await client.end()
  })
})

describe('keys of one batch', () => {
  /** Whether a key can be taken now: that it cannot shows only by a wait. */
  const isFree = async (key: SubmitKey): Promise<boolean> => {
    const client = new pg.Client({ connectionString: world.url })
    await client.connect()
    try {
      await client.query(`begin; set local lock_timeout = '200ms'`)
      await client.query(
        `insert into taskfold.submit_keys (scope, key, task_id, fingerprint, created_at)
         values ($1, $2, gen_random_uuid(), '', clock_timestamp())`,
        [key.scope, key.key],
      )
      return true
    } catch {
      return false
    } finally {
      await client.query('rollback')
      await client.end()
    }
  }

  it('are taken in the order of keys, in whatever order they were given, so that no two stores wait in a circle', async () => {
    await world.store.append(makeFirst(makeKey()))
    const name = makeName()
    const [low, middle, high] = ['a', 'b', 'c'].map((letter) => makeKey('a task', `${name}-${letter}`))
    if (low === undefined || middle === undefined || high === undefined) throw new Error('there are three')
    const { client } = await holdKey(middle, makeFirst(middle))
    const verdicts = [high, middle, low].map((key) => world.store.append(makeFirst(key)))
    await untilWaiting()
    expect([await isFree(low), await isFree(high)]).toEqual([false, true])
    await client.query('rollback')
    await client.end()
    expect((await Promise.all(verdicts)).map(({ kind }) => kind)).toEqual(['appended', 'appended', 'appended'])
  })

  it('that one of them is held, and is purged before the batch ends, is taken when the append is tried again', async () => {
    const key = makeKey()
    const submitKeys = createPostgresSubmitKeys(world)
    await world.store.append(makeFirst(key))
    // The batch comes to wait, with the key found held, for a head that another transaction is making.
    const neighbour = makeAppend(noTask, submit(submission))
    const client = new pg.Client({ connectionString: world.url })
    await client.connect()
    await client.query('begin')
    await client.query(
      `insert into taskfold.tasks (task_id, version, status, attempt, route, priority, last_at)
       values ($1, 1, 'PENDING', 0, 1, 0, clock_timestamp())`,
      [neighbour.taskId],
    )
    const again = makeFirst(key)
    const verdicts = Promise.all([world.store.append(again), world.store.append(neighbour)])
    await untilWaiting()
    expect(await submitKeys.purge((await world.store.loadStreams([])).now + 1_000, 1_000)).toBeGreaterThan(0)
    await client.query('rollback')
    await client.end()
    expect(await verdicts).toMatchObject([{ kind: 'appended' }, { kind: 'appended' }])
    const duplicate = { kind: 'duplicate', taskId: again.taskId, fingerprint: key.fingerprint }
    expect(await world.store.append(makeFirst(key))).toEqual(duplicate)
  })
})

describe('connections that the server ends while keys are taken', () => {
  it('leave one task a key, and every append its verdict', async () => {
    const victim = await connectPostgresStore(world.url, { limits: { appendsPerFlushMax: 20 } })
    await victim.routes.learn([submission])
    const killer = new pg.Client({ connectionString: world.url })
    await killer.connect()
    const keys = range(300).map(() => makeKey())
    const appends = [...keys, ...keys].map(makeFirst)
    let killed = 0
    const verdicts = await Promise.all(
      appends.map(async (append, place) => {
        const verdict = await victim.store.append(append)
        if (place % 100 === 50) {
          const { rowCount } = await killer.query(
            `select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and query like '%taskfold.append%' and pid <> pg_backend_pid()`,
          )
          killed += rowCount ?? 0
        }
        return verdict
      }),
    )
    await killer.end()
    await victim.close()
    expect(killed).toBeGreaterThan(0)
    keys.forEach((_, place) => {
      const [first, second] = [verdicts[place], verdicts[place + 300]]
      const kinds = [first?.kind, second?.kind].map((kind) => (kind === 'already' ? 'appended' : kind))
      expect(new Set(kinds)).toEqual(new Set(['appended', 'duplicate']))
    })
    const { streams } = await world.store.loadStreams(appends.map(({ taskId }) => taskId))
    expect(streams.size).toBe(300)
  })
})

describe('the purge of keys', () => {
  const age = (key: SubmitKey, hours: number) =>
    world.pool.query(sql.unsafe`
      update taskfold.submit_keys set created_at = clock_timestamp() - ${hours}::int * interval '1 hour'
      where key = ${key.key}`)

  it('forgets the oldest of those that are old enough, and no others', async () => {
    const submitKeys = createPostgresSubmitKeys(world)
    const keys = range(4).map(() => makeKey())
    for (const [place, key] of keys.entries()) {
      await world.store.append(makeFirst(key))
      await age(key, 100 - place * 20)
    }
    const hourMs = 3_600_000
    const { now } = await world.store.loadStreams([])
    expect(await submitKeys.purge(now - 48 * hourMs, 2)).toBe(2)
    expect(await submitKeys.purge(now - 48 * hourMs, 2)).toBe(1)
    expect(await submitKeys.purge(now - 48 * hourMs, 2)).toBe(0)
    const verdicts = await Promise.all(keys.map((key) => world.store.append(makeFirst(key))))
    expect(verdicts.map(({ kind }) => kind)).toEqual(['appended', 'appended', 'appended', 'duplicate'])
  })
})
