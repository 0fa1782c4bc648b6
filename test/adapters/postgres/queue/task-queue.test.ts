import pg from 'pg'
import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import type { PostgresTaskQueue } from '#adapters/postgres/queue/task-queue.ts'
import { deadRowsLimits } from '#adapters/postgres/queue/dead-rows.ts'
import type { Route } from '#domain/route.ts'
import type { Hint } from '#application/ports/queue/task-queue.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'
import { mintTaskId } from '../../../support/ids.ts'
import { makeRoute, range } from '../../../support/task-builders.ts'
import { createFleet, type Fleet, type FleetProcess, waitUntil } from '../support/fleet.ts'

let fleet: Fleet
let here: FleetProcess
let there: FleetProcess
let queue: PostgresTaskQueue
beforeAll(async () => {
  fleet = await createFleet()
  here = await fleet.startProcess()
  there = await fleet.startProcess()
  queue = here.createQueue()
})
afterAll(() => fleet.close())

const { signal } = new AbortController()
const take = (from: PostgresTaskQueue, routes: readonly Route[], max: number) =>
  from.pull({ routes, max, waitMs: 0, signal })

const makeHints = (routes: readonly Route[], count: number): readonly Hint[] =>
  range(count).map((place) => ({
    taskId: mintTaskId(),
    route: routes[place % routes.length] ?? makeRoute(),
    rank: (place * 7_919) % 1_000,
  }))

/** Pushes as if the notification was lost. */
const pushUnnotified = async ({ taskId, route, rank }: Hint): Promise<void> => {
  const number = await here.routes.numberOf(route)
  await here.pool.query(sql.type(z.unknown())`
    insert into taskfold.queue_hints (route, rank, task_id)
    values (${number}, ${rank}, ${taskId}::uuid)`)
}

describe('hints of lower rank than those that a process has taken', () => {
  const hint = (route: Route, rank: number): Hint => ({ taskId: mintTaskId(), route, rank })

  it.each([1, 3])('are taken first when it pushed them itself, %i routes', async (count) => {
    const routes = range(count).map(makeRoute)
    const route = routes[0] ?? makeRoute()
    await queue.push(range(10).map((place) => hint(route, 100 + place)))
    await take(queue, routes, 5)
    const lower = hint(route, 1)
    await queue.push([lower])
    expect((await take(queue, routes, 2)).taskIds[0]).toBe(lower.taskId)
  })

  it.each([1, 3])('are found a while later when their notification was lost, %i routes', async (count) => {
    const routes = range(count).map(makeRoute)
    const route = routes[0] ?? makeRoute()
    await queue.push(range(10).map((place) => hint(route, 100 + place)))
    await take(queue, routes, 5)
    const lower = hint(route, 1)
    await pushUnnotified(lower)
    const taken: TaskId[] = []
    await waitUntil(async () => {
      taken.push(...(await take(queue, routes, 10)).taskIds)
      return taken.includes(lower.taskId)
    })
    expect(taken).toHaveLength(6)
  })

  it('are taken as soon as the notification of another process arrives', async () => {
    const route = makeRoute()
    // Once it has taken hints, nothing but a notification makes it read below them.
    const notified = here.createQueue({ readAllEveryMs: 3_600_000 })
    await waitUntil(() => Promise.resolve(here.listener.state() === 'listening'))
    await notified.push(range(1_000).map((place) => hint(route, 100 + place)))
    await take(notified, [route], 5)
    const lower = hint(route, 1)
    await there.createQueue().push([lower])
    const taken: TaskId[] = []
    await waitUntil(async () => {
      taken.push(...(await take(notified, [route], 1)).taskIds)
      return taken.includes(lower.taskId)
    })
    expect(taken.length).toBeLessThan(990)
    await notified.close()
  })
})

describe('pulls of two processes at the same time', () => {
  it('never take the same hint, and together take all in order over the routes', async () => {
    const routes = [makeRoute(), makeRoute(), makeRoute()]
    const hints = makeHints(routes, 3_000)
    await queue.push(hints)
    const elsewhere = there.createQueue()
    const drain = async (from: PostgresTaskQueue): Promise<readonly (readonly TaskId[])[]> => {
      const batches: (readonly TaskId[])[] = []
      for (let empty = 0; empty < 3;) {
        const { taskIds, left } = await take(from, routes, 37)
        batches.push(taskIds)
        // Hints that another pull has locked count as left until it has taken them.
        empty = taskIds.length === 0 && left === 0 ? empty + 1 : 0
      }
      return batches
    }
    const batches = (await Promise.all([drain(queue), drain(queue), drain(elsewhere), drain(elsewhere)])).flat()
    const taken = batches.flat()
    expect(taken.toSorted()).toEqual(hints.map(({ taskId }) => taskId).toSorted())
    const hintById = new Map(hints.map((hint) => [hint.taskId, hint]))
    for (const batch of batches) {
      const inOrder = batch.flatMap((taskId) => hintById.get(taskId) ?? []).toSorted(compareRanked)
      expect(batch).toEqual(inOrder.map(({ taskId }) => taskId))
    }
  })
})

/** Begins to wait, and lets thirty round trips go by, so that its first check is over and took none. */
const beginToWait = async (from: PostgresTaskQueue, route: Route) => {
  await here.routes.learn([route])
  const pulled = from.pull({ routes: [route], max: 1, waitMs: 10_000, signal })
  for (const _ of range(30)) await take(from, [makeRoute()], 1)
  return { pulled }
}

describe('a hint whose notification was lost', () => {
  it('is found by a pull that waits, though it listens', async () => {
    const route = makeRoute()
    const [hint] = makeHints([route], 1)
    const { pulled } = await beginToWait(queue, route)
    await pushUnnotified(hint ?? expect.fail())
    expect((await pulled).taskIds).toEqual([hint?.taskId])
  })

  it('is found by a process that cannot listen', async () => {
    const process = await fleet.startProcess()
    await process.listener.close()
    const unlistening = process.createQueue()
    const route = makeRoute()
    const [hint] = makeHints([route], 1)
    const { pulled } = await beginToWait(unlistening, route)
    await queue.push([hint ?? expect.fail()])
    expect((await pulled).taskIds).toEqual([hint?.taskId])
  })
})

describe('a push of hints of which one is there', () => {
  it('adds the others', async () => {
    const routes = range(3).map(makeRoute)
    const hints = makeHints(routes, 30)
    await queue.push(hints.slice(14, 15))
    await queue.push(hints)
    const taken = (await take(queue, routes, 100)).taskIds
    expect(taken).toEqual(hints.toSorted(compareRanked).map(({ taskId }) => taskId))
  })
})

describe('a process that cannot listen', () => {
  it('takes the lowest, whoever pushed it', async () => {
    const process = await fleet.startProcess()
    await process.listener.close()
    const unlistening = process.createQueue()
    const route = makeRoute()
    const [high, higher, low] = [7, 8, 3].map((rank) => ({ taskId: mintTaskId(), route, rank }))
    await queue.push([high ?? expect.fail(), higher ?? expect.fail()])
    expect((await take(unlistening, [route], 1)).taskIds).toEqual([high?.taskId])
    await queue.push([low ?? expect.fail()])
    expect((await take(unlistening, [route], 1)).taskIds).toEqual([low?.taskId])
  })
})

describe('a route that many push to', () => {
  it('keeps about its bound, of the lowest ranks', async () => {
    const route = makeRoute()
    const bounded = [here.createQueue({ queueIdsMax: 1_000 }), there.createQueue({ queueIdsMax: 1_000 })]
    const hints = makeHints([route], 5_000)
    for (let at = 0; at < hints.length; at += 60) {
      await bounded[(at / 60) % 2]?.push(hints.slice(at, at + 60))
      expect(await queue.size(route)).toBeLessThanOrEqual(1_200 + 60)
    }
    const lowest = hints.toSorted(compareRanked).slice(0, 500)
    expect((await take(queue, [route], 500)).taskIds).toEqual(lowest.map(({ taskId }) => taskId))
  })
})

describe('a queue that is closed', () => {
  it('ends its waits and takes nothing more', async () => {
    const closing = here.createQueue()
    const route = makeRoute()
    const hints = makeHints([route], 1)
    const pulled = closing.pull({ routes: [route], max: 1, waitMs: 10_000, signal })
    await closing.close()
    await closing.close()
    expect((await pulled).taskIds).toEqual([])
    await queue.push(hints)
    expect((await take(closing, [route], 1)).taskIds).toEqual([])
    expect((await take(queue, [route], 1)).taskIds).toEqual(hints.map(({ taskId }) => taskId))
  })
})

describe('a table of hints with many dead rows', () => {
  const readFileNode = () =>
    here.pool.oneFirst(sql.type(z.object({ node: z.number() }))`
      select pg_relation_filenode('taskfold.queue_hints')::int8 as node`)

  /** Every pull counts as slow in these tests, so that only the dead rows decide. */
  const limits = { slowMs: -1, deadRowsMin: 500, everyMs: 0 }

  /** Opens a transaction whose snapshot keeps dead rows, as that of a long report does. */
  const holdSnapshot = async () => {
    const client = new pg.Client({ connectionString: fleet.url, connectionTimeoutMillis: 5_000, query_timeout: 5_000 })
    await client.connect()
    await client.query('begin isolation level repeatable read')
    await client.query('select 1')
    return { [Symbol.asyncDispose]: () => client.end() }
  }

  const makeDeadRows = async (route: Route): Promise<void> => {
    const patient = here.createQueue({ deadRows: { ...deadRowsLimits, slowMs: 3_600_000, deadRowsMin: 0 } })
    await patient.push(makeHints([route], 1_000))
    await take(patient, [route], 1_000)
    await patient.push(makeHints([route], 3))
    await patient.close()
  }

  it('is emptied after two slow pulls in a row while an old snapshot keeps the dead rows, not after one', async () => {
    const route = makeRoute()
    await using _snapshot = await holdSnapshot()
    await makeDeadRows(route)
    const before = await readFileNode()
    const watched = here.createQueue({ deadRows: limits })
    await take(watched, [route], 1)
    await watched.close()
    expect(await readFileNode()).toBe(before)

    const logger = createMemoryLogger()
    const again = here.createQueue({ deadRows: limits, logger })
    await take(again, [route], 1)
    await take(again, [route], 1)
    await again.close()
    expect(await readFileNode()).not.toBe(before)
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'emptied the queue of hints, which its dead rows had made slow',
    ])
    await queue.push(makeHints([route], 3))
    expect(await queue.size(route)).toBe(3)
    expect(await queue.size(route, 2)).toBe(2)
  })

  it('is left alone when no snapshot keeps them, however slow its pulls are', async () => {
    const route = makeRoute()
    await makeDeadRows(route)
    const before = await readFileNode()
    const watched = here.createQueue({ deadRows: limits })
    for (const _ of range(3)) await take(watched, [route], 1)
    await watched.close()
    expect(await readFileNode()).toBe(before)
  })

  it('is left alone when its dead rows are too few to be the reason', async () => {
    const before = await readFileNode()
    const watched = here.createQueue({ deadRows: { ...limits, deadRowsMin: 1_000_000 } })
    for (const _ of range(5)) await take(watched, [makeRoute()], 1)
    await watched.close()
    expect(await readFileNode()).toBe(before)
  })
})
