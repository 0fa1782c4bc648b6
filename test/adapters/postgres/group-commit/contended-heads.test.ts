import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import pg from 'pg'
import { z } from 'zod'
import { encodeAppend, toAppendStatement } from '#adapters/postgres/events/append-statement.ts'
import { findSqlState } from '#adapters/postgres/connection/errors.ts'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import { parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { expectHeadsToEqualFolds } from '../../../support/heads.ts'
import { connectPostgresStore, openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'
import { release, start } from '../../../support/run-commands.ts'
import { loadTask, makeAppend, range, submitMany } from '../../../support/task-builders.ts'

let world: PostgresStoreWorld
beforeAll(async () => {
  world = await openPostgresStore()
})
afterAll(() => world.close())

const storesMax = 4
const roundsMax = 6

/** Always optimistic, unless a batch was rolled back or has a member whose head was held. */
const limits = { skipLockedMs: 0 }
/** Each of them has a second to open, all together, on a machine that may be busy with other tests. */
const connectionsMax = 3

/** The states of the server's refusals. */
const createStates = (): { readonly seen: Set<string>; readonly commits: CommitObserver } => {
  const seen = new Set<string>()
  return {
    seen,
    commits: {
      commit: async (_, send) => {
        try {
          return await send()
        } catch (error) {
          seen.add(findSqlState(error) ?? 'none')
          throw error
        }
      },
    },
  }
}

/** Starts and hands back one task again and again, against others who do so; answers how many of its appends were stored. */
const moveOn = async (store: EventStore, taskId: TaskId): Promise<number> => {
  let won = 0
  for (let round = 0; round < roundsMax; round += 1) {
    const task = await loadTask(store, taskId)
    const command = task.status === 'PROCESSING' ? release(task) : start(task)
    if ((await store.append(makeAppend(task, command))).kind === 'appended') won += 1
  }
  return won
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)

const countStored = async (taskIds: readonly TaskId[]): Promise<number> => {
  const { streams } = await world.store.loadStreams(taskIds)
  return sumOf(
    [...streams.values()].map((content) => (content.kind === 'events' ? content.events.length - 1 : Number.NaN)),
  )
}

/** Holds the head of a task as another transaction would, until it is let go. */
const holdHead = async (taskId: TaskId): Promise<() => Promise<void>> => {
  const holder = new pg.Client({ connectionString: world.url })
  await holder.connect()
  await holder.query('begin')
  await holder.query('select from taskfold.tasks where task_id = $1 for update', [taskId])
  return async () => {
    await holder.query('rollback')
    await holder.end()
  }
}

describe('an optimistic append', () => {
  it('sets heads in the order of their ids, in whatever order they were given, so that no two wait in a circle', async () => {
    const tasks = (await submitMany(world, 40)).toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1))
    const letGo = await holdHead(tasks[20]?.taskId ?? parseTaskId(''))
    const batch = tasks.toReversed().map((task) => encodeAppend(makeAppend(task, start(task)), null))
    const refused = world.pool.query(toAppendStatement(batch, 'each', 'optimistic').query)
    await expect(refused.catch(findSqlState)).resolves.toBe('55P03')
    await letGo()
    // A head that was set and rolled back keeps the xmax of that transaction until it is set again.
    const touched = await world.pool.anyFirst(sql.type(z.object({ touched: z.boolean() }))`
      select xmax::text <> '0' as touched from taskfold.tasks
      where task_id between ${tasks[0]?.taskId ?? ''}::uuid and ${tasks.at(-1)?.taskId ?? ''}::uuid order by task_id`)
    expect(touched).toEqual(range(40).map((place) => place <= 20))
  })
})

describe('heads that four stores append to against each other', () => {
  it('are won once each', async () => {
    const stores = await Promise.all(
      range(storesMax).map(() => connectPostgresStore(world.url, { limits, connectionsMax })),
    )
    const taskIds = (await submitMany(world, 60)).map(({ taskId }) => taskId)
    const won = await Promise.all(stores.flatMap(({ store }) => taskIds.map((taskId) => moveOn(store, taskId))))
    await Promise.all(stores.map((store) => store.close()))
    expect(sumOf(won)).toBe(await countStored(taskIds))
    expect(sumOf(won)).toBeGreaterThan(taskIds.length * roundsMax)
    await expectHeadsToEqualFolds(world, taskIds)
  })

  it('move on while one of them is held, and that one when it is let go', async () => {
    const { seen, commits } = createStates()
    const stores = await Promise.all(
      range(storesMax).map(() => connectPostgresStore(world.url, { limits, commits, connectionsMax })),
    )
    const [held, ...free] = (await submitMany(world, 20)).map(({ taskId }) => taskId)
    if (held === undefined) throw new Error('twenty were submitted')
    const letGo = await holdHead(held)
    const late = stores.map(({ store }) => moveOn(store, held))
    const passing = await Promise.all(stores.flatMap(({ store }) => free.map((taskId) => moveOn(store, taskId))))
    await letGo()
    const waited = await Promise.all(late)
    await Promise.all(stores.map((store) => store.close()))
    expect(seen).toContain('55P03')
    expect(sumOf(passing)).toBe(await countStored(free))
    expect(sumOf(waited)).toBe(await countStored([held]))
    await expectHeadsToEqualFolds(world, [held, ...free])
  })
})
