import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from 'slonik'
import pg from 'pg'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { findTaskId, type TaskId } from '#domain/identifiers.ts'
import { noTask } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../../support/heads.ts'
import { connectPostgresStore, openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'
import { start } from '../../../support/run-commands.ts'
import {
  appendCommand,
  makeAppend,
  makeSubmission,
  range,
  submit,
  submitMany,
  submitTo,
} from '../../../support/task-builders.ts'

let world: PostgresStoreWorld

beforeAll(async () => {
  world = await openPostgresStore()
})
afterAll(async () => {
  await world.close()
})

const connect = async (): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: world.url })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Holds the head of a task as another transaction would, until it is let go. */
const holdHead = async (taskId: TaskId): Promise<() => Promise<void>> => {
  const client = await connect()
  await client.query('begin')
  await client.query('select from taskfold.tasks where task_id = $1 for update', [taskId])
  return async () => {
    await client.query('rollback')
    await client.end()
  }
}

describe('two event stores on one database', () => {
  it('race for the same tasks, and each start is won once', async () => {
    const other = await connectPostgresStore(world.url)
    const tasks = await submitMany(world, 200)
    const claims = tasks.flatMap((task) => [
      world.store.append(makeAppend(task, start(task))),
      other.store.append(makeAppend(task, start(task))),
    ])
    const kinds = (await Promise.all(claims)).map((verdict) => verdict.kind)
    await other.close()
    expect(kinds.filter((kind) => kind === 'appended')).toHaveLength(200)
    expect(kinds.filter((kind) => kind === 'conflict')).toHaveLength(200)
    await expectHeadsToEqualFolds(
      world,
      tasks.map((task) => task.taskId),
    )
  })

  it('send the same new streams in opposite order at the same moment, and neither waits for ever', async () => {
    const other = await connectPostgresStore(world.url)
    const submission = makeSubmission()
    for (const _ of range(10)) {
      const appends = range(50).map(() => makeAppend(noTask, submit(submission)))
      const sendAll = (store: typeof world.store, some: typeof appends) => some.map((append) => store.append(append))
      const verdicts = await Promise.all([
        ...sendAll(world.store, appends),
        ...sendAll(other.store, appends.toReversed()),
      ])
      expect(verdicts.filter((verdict) => verdict.kind === 'appended')).toHaveLength(50)
      expect(verdicts.filter((verdict) => verdict.kind === 'already')).toHaveLength(50)
    }
    await other.close()
  })
})

describe('a first append that was stored before', () => {
  it('is recognised in the middle of new ones, all of which are stored', async () => {
    const submission = makeSubmission()
    await world.routes.learn([submission])
    const appends = range(20).map(() => makeAppend(noTask, submit(submission)))
    const known = appends.at(10)
    if (known === undefined) throw new Error('twenty were made')
    await world.store.append(known)
    const verdicts = await Promise.all(appends.map((append) => world.store.append(append)))
    expect(verdicts.map(({ kind }) => kind)).toEqual(range(20).map((place) => (place === 10 ? 'already' : 'appended')))
    await expectHeadsToEqualFolds(
      world,
      appends.map(({ taskId }) => taskId),
    )
  })
})

describe('connections that the server ends in the middle of flushes', () => {
  it('lose nothing and double nothing', async () => {
    const victim = await connectPostgresStore(world.url, { limits: { appendsPerFlushMax: 20 } })
    const submission = makeSubmission()
    await victim.routes.learn([submission])
    const killer = await connect()
    const appends = range(1_500).map(() => makeAppend(noTask, submit(submission)))
    let killed = 0
    const verdicts = appends.map(async (append, place) => {
      const verdict = await victim.store.append(append)
      if (place % 300 === 150) {
        const { rowCount } = await killer.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and query like '%taskfold.append%' and pid <> pg_backend_pid()`,
        )
        killed += rowCount ?? 0
      }
      return verdict
    })
    const kinds = new Set((await Promise.all(verdicts)).map((verdict) => verdict.kind))
    await killer.end()
    await victim.close()
    expect(killed).toBeGreaterThan(0)
    expect(kinds.has('conflict')).toBe(false)
    const taskIds = appends.map((append) => append.taskId)
    for (const from of [0, 1_000]) {
      const some = taskIds.slice(from, from + 1_000)
      const { streams } = await world.store.loadStreams(some)
      expect(streams.size).toBe(some.length)
      for (const content of streams.values()) expect(content).toMatchObject({ events: [{ version: 1 }] })
      await expectHeadsToEqualFolds(world, some)
    }
  })
})

describe('a head that a foreign transaction holds', () => {
  it('is waited for without keeping its neighbours, and is set when it is let go', async () => {
    const [held, free] = await submitMany(world, 2)
    if (held === undefined || free === undefined) throw new Error('two were submitted')
    const letGo = await holdHead(held.taskId)
    const late = appendCommand(world.store, held, start(held))
    await appendCommand(world.store, free, start(free))
    await letGo()
    expect((await late).version).toBe(2)
  })

  it('is refused when it is never let go, and nothing was stored', async () => {
    const hasty = await connectPostgresStore(world.url, { limits: { busyDeadlineMs: 100 } })
    const held = await submitTo(world)
    const letGo = await holdHead(held.taskId)
    // Overloaded, or of unknown fate where the deadline finds the append under way once more, as it may on a busy machine.
    const refusal = { code: expect.stringMatching(/^(overloaded|store-unavailable)$/) }
    await expect(hasty.store.append(makeAppend(held, start(held)))).rejects.toMatchObject(refusal)
    await expect(hasty.store.appendAll([makeAppend(held, start(held))])).rejects.toMatchObject(refusal)
    await letGo()
    await hasty.close()
    expect((await world.store.loadStream(held.taskId)).events).toHaveLength(1)
    expect((await appendCommand(world.store, held, start(held))).version).toBe(2)
  })
})

describe('a stream for which there is no partition', () => {
  it('is refused alone among fifty', async () => {
    const submission = makeSubmission()
    await world.routes.learn([submission])
    const taskId = findTaskId('0180a0a0-0000-7000-8000-000000000001')
    if (taskId === undefined) throw new Error('it is a task id')
    const neighbours = range(50).map(() => world.store.append(makeAppend(noTask, submit(submission))))
    const outside = makeAppend(noTask, submit(submission), { taskId })
    await expect(world.store.append(outside)).rejects.toBeInstanceOf(StoreUnavailableError)
    const verdicts = await Promise.all(neighbours)
    expect(verdicts.every((verdict) => verdict.kind === 'appended')).toBe(true)
    expect((await world.store.loadStream(taskId)).events).toEqual([])
  })
})

describe('events', () => {
  const partitions = async (): Promise<readonly string[]> => {
    const names = await world.pool.anyFirst(
      sql.unsafe`select inhrelid::regclass::text as name from pg_inherits where inhparent = 'taskfold.events'::regclass`,
    )
    return names.map(String)
  }

  it.each(['update', 'delete', 'truncate'])('are append-only, also for their owner: %s', async (kind) => {
    await submitTo(world)
    const client = await connect()
    const tables = ['taskfold.events', ...(await partitions())]
    expect(tables.length).toBeGreaterThan(3)
    for (const table of tables) {
      const statement = {
        update: `update ${table} set version = 1`,
        delete: `delete from ${table}`,
        truncate: `truncate ${table}`,
      }[kind]
      await expect(client.query(statement ?? '')).rejects.toMatchObject({ code: 'TF003' })
    }
    await client.end()
  })

  it('are on disk before their verdict, even in a database that says otherwise', async () => {
    const client = await connect()
    await client.query(
      `do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$`,
    )
    const lax = await connectPostgresStore(world.url)
    const setting = await lax.pool.oneFirst(sql.unsafe`show synchronous_commit`)
    // What the function does to its transaction shows when it is called in one that can be asked.
    const inside = await lax.pool.transaction(async (transaction) => {
      const task = await submitTo(world)
      await transaction.query(sql.unsafe`
        select from taskfold.append(0, '{1}', '{9}', '{PENDING}', '{0}', null, null, null, null, null, null, null,
          array[${task.taskId}::uuid], '{9}', array[gen_random_uuid()], '{Retried}', null, null, null, null, null, null, false, 'optimistic', 0)`)
      return transaction.oneFirst(sql.unsafe`show synchronous_commit`)
    })
    await lax.close()
    await client.query(
      `do $$ begin execute format('alter database %I reset synchronous_commit', current_database()); end $$`,
    )
    await client.end()
    expect(setting).toBe('off')
    expect(inside).toBe('on')
  })
})

describe('a store that is closed', () => {
  it('has stored what it accepted and refuses what comes later', async () => {
    const other = await connectPostgresStore(world.url)
    const task = await submitTo(world)
    const accepted = other.store.append(makeAppend(task, start(task)))
    const running = await accepted.then(() => world.store.loadStream(task.taskId))
    await other.store.close()
    expect(running.events).toHaveLength(2)
    await expect(other.store.append(makeAppend(task, start(task)))).rejects.toMatchObject({
      code: 'store-unavailable',
      fate: 'not-stored',
    })
    await other.close()
  })
})

describe('the store clock', () => {
  it('goes with the server from the first answer on', async () => {
    const other = await connectPostgresStore(world.url)
    const before = (await other.store.loadStreams([])).now
    const estimate = other.storeClock.now()
    const behind = (await other.store.loadStreams([])).now
    await other.close()
    expect(estimate).toBeGreaterThanOrEqual(before - 1_000)
    expect(estimate).toBeLessThanOrEqual(behind + 1_000)
  })
})
