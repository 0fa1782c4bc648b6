import { describe, expect, it } from 'vitest'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { TaskIndex } from '#application/ports/heads/task-index.ts'
import type { Route } from '#domain/route.ts'
import type { RankedTask, RunnableIndex } from '#application/ports/heads/runnable-index.ts'
import { compareRanked, rankOf } from '#domain/rank.ts'
import type { Task } from '#domain/task/state.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { fail, release, start, succeed } from '../support/run-commands.ts'
import { describeRoutesWithWork } from './runnable-index/routes-with-work.ts'
import { describeSteppedOver } from './runnable-index/stepped-over.ts'
import { appendCommand, makeRoute, makeSubmission, range, submitMany, submitTo } from '../support/task-builders.ts'

export interface RunnableIndexWorld extends ContractWorld {
  readonly store: EventStore
  readonly runnable: RunnableIndex
  readonly index: Pick<TaskIndex, 'repairHead'>
  readonly routes: Routes
}

/** The contract of every RunnableIndex. */
export const describeRunnableIndex = (name: string, setup: Setup<RunnableIndexWorld>): void => {
  describe(`the runnable index (${name})`, () => {
    const world = useWorld(setup)
    describeRoutesWithWork(world)
    describeOrder(world)
    describeDue(world)
    describeDueSoon(world)
    describeSteppedOver(world)
  })
}

const anHourMs = 3_600_000

const rankedOf = (tasks: readonly Task[]): readonly RankedTask[] =>
  tasks
    .map(({ taskId, times, facts }) => ({ taskId, rank: rankOf(times.readyAt, facts.submission.priority) }))
    .toSorted(compareRanked)

const readRoute = async (
  { runnable }: RunnableIndexWorld,
  route: Route,
  limit = 1_000,
  after?: RankedTask,
): Promise<readonly RankedTask[]> => (await runnable.readDue([{ route, after, limit }]))[0] ?? []

/** Tasks of every kind of priority; on each of the ranks of some instants there are several. */
const submitRanked = async (world: RunnableIndexWorld, route: Route): Promise<readonly Task[]> => {
  const { now } = await world.store.loadStreams([])
  const base = now - 300 * 60_000
  const priorities = [-100, -99, -1, 0, 0, 0, 1, 1, 5, 99, 100]
  const tied = priorities.map((priority) => ({ priority, runAt: base + priority * 60_000 }))
  const spread = range(20).map((place) => ({ priority: (place * 37) % 7, runAt: base + ((place * 7_919) % 400_000) }))
  return Promise.all(
    [...tied, ...spread].map(({ priority, runAt }) =>
      submitTo(world, makeSubmission({ ...route, priority }), { runAt }),
    ),
  )
}

const describeOrder = (world: () => RunnableIndexWorld): void => {
  describe('due heads', () => {
    it('come by rank, which weighs priority against age, and then by id', async () => {
      const route = makeRoute()
      const tasks = await submitRanked(world(), route)
      expect(await readRoute(world(), route)).toEqual(rankedOf(tasks))
    })

    it('come in windows that neither repeat nor skip any, ties included', async () => {
      const route = makeRoute()
      const tasks = await submitRanked(world(), route)
      for (const limit of [1, 3, 10]) {
        const walked: RankedTask[] = []
        for (let window = await readRoute(world(), route, limit); window.length > 0;) {
          expect(window.length).toBeLessThanOrEqual(limit)
          walked.push(...window)
          window = await readRoute(world(), route, limit, window.at(-1))
        }
        expect(walked).toEqual(rankedOf(tasks))
      }
    })

    it('come after a position whose task is no longer there', async () => {
      const route = makeRoute()
      const tasks = await submitRanked(world(), route)
      const ranked = rankedOf(tasks)
      const gone = tasks.find((task) => task.taskId === ranked[9]?.taskId)
      if (gone === undefined) throw new Error('there are more than ten')
      await appendCommand(world().store, gone, { type: 'Cancel' })
      expect(await readRoute(world(), route, 1_000, ranked[9])).toEqual(ranked.slice(10))
    })

    it('come in one answer for several windows, in the order asked', async () => {
      const [one, other, empty, unknown] = [makeRoute(), makeRoute(), makeRoute(), makeRoute()]
      await world().routes.learn([empty])
      const ranked = rankedOf(await submitRanked(world(), one))
      const others = rankedOf(await submitMany(world(), 5, makeSubmission(other)))
      const windows = [
        { route: other, after: undefined, limit: 2 },
        { route: unknown, after: undefined, limit: 10 },
        { route: one, after: undefined, limit: 4 },
        { route: empty, after: undefined, limit: 10_000 },
        { route: one, after: ranked[3], limit: 3 },
        { route: other, after: others[1], limit: 10_000 },
      ]
      expect(await world().runnable.readDue(windows)).toEqual([
        others.slice(0, 2),
        [],
        ranked.slice(0, 4),
        [],
        ranked.slice(4, 7),
        others.slice(2),
      ])
      expect(await world().runnable.readDue([])).toEqual([])
    })

    it('are those of the route, not of another that shares its queue or its type', async () => {
      const [here, there] = [makeRoute(), makeRoute()]
      await submitTo(world(), makeSubmission({ queue: here.queue, type: there.type }))
      await submitTo(world(), makeSubmission({ queue: there.queue, type: here.type }))
      const task = await submitTo(world(), makeSubmission(here))
      expect(await readRoute(world(), here)).toEqual(rankedOf([task]))
    })
  })
}

const describeDue = (world: () => RunnableIndexWorld): void => {
  describe('a head', () => {
    it('may be asked for without those that became ready just now', async () => {
      const route = makeRoute()
      const { now } = await world().store.loadStreams([])
      const submission = makeSubmission(route)
      const long = await submitTo(world(), submission, { runAt: now - anHourMs })
      const just = await submitTo(world(), submission, { delayMs: 0 })
      const [settled, all] = await world().runnable.readDue([
        { route, after: undefined, limit: 10, readyForMs: anHourMs / 2 },
        { route, after: undefined, limit: 10 },
      ])
      expect(settled).toEqual(rankedOf([long]))
      expect(all).toEqual(rankedOf([long, just]))
    })

    it('is not there before it is due, however high its priority', async () => {
      const route = makeRoute()
      const urgent = makeSubmission({ ...route, priority: 100 })
      await Promise.all(range(20).map((place) => submitTo(world(), urgent, { delayMs: anHourMs / 60 + place })))
      const due = await submitTo(world(), makeSubmission({ ...route, priority: -100 }))
      expect(await readRoute(world(), route)).toEqual(rankedOf([due]))
      expect(await readRoute(world(), route, 1)).toEqual(rankedOf([due]))
    })

    it('is there when its instant has come', async () => {
      const route = makeRoute()
      const task = await submitTo(world(), makeSubmission(route), { delayMs: 300 })
      expect(await readRoute(world(), route)).toEqual([])
      await world().advance(320)
      expect(await readRoute(world(), route)).toEqual(rankedOf([task]))
    })

    it('is there only while it is pending', async () => {
      const { store } = world()
      const route = makeRoute()
      const pending = await submitTo(world(), makeSubmission(route))
      const running = await appendCommand(store, pending, start(pending))
      expect(await readRoute(world(), route)).toEqual([])
      const released = await appendCommand(store, running, release(running))
      expect(await readRoute(world(), route)).toEqual(rankedOf([released]))
      const again = await appendCommand(store, released, start(released))
      await appendCommand(store, again, succeed(again))
      expect(await readRoute(world(), route)).toEqual([])
    })

    it('is there again when it was opened again', async () => {
      const { store } = world()
      const pending = await submitTo(world())
      const cancelled = await appendCommand(store, pending, { type: 'Cancel' })
      expect(await readRoute(world(), pending.facts.submission)).toEqual([])
      const reopened = await appendCommand(store, cancelled, { type: 'Reopen' })
      expect(await readRoute(world(), pending.facts.submission)).toEqual(rankedOf([reopened]))
    })
  })
}

const describeDueSoon = (world: () => RunnableIndexWorld): void => {
  describe('heads that become due soon', () => {
    const delaysMs = [50_000, 20_000, 40_000, 30_000, 60_000]

    const submitLater = (route: Route): Promise<readonly Task[]> =>
      Promise.all(delaysMs.map((delayMs) => submitTo(world(), makeSubmission({ ...route, priority: 9 }), { delayMs })))

    const soonestFirst = (tasks: readonly Task[]) =>
      tasks
        .map(({ taskId, times: { readyAt }, facts: { submission } }) => ({
          taskId,
          route: { queue: submission.queue, type: submission.type },
          priority: submission.priority,
          readyAt,
        }))
        .toSorted((a, b) => a.readyAt - b.readyAt)

    it('come soonest first, with what a rank is made of', async () => {
      const route = makeRoute()
      const tasks = await submitLater(route)
      expect(await world().runnable.readDueSoon([route], 100_000, 100)).toEqual(soonestFirst(tasks))
    })

    it('are those within the time asked for and not due yet', async () => {
      const route = makeRoute()
      const tasks = await submitLater(route)
      await submitTo(world(), makeSubmission(route))
      await submitTo(world(), makeSubmission(route), { delayMs: anHourMs })
      const found = await world().runnable.readDueSoon([route], 45_000, 100)
      expect(found).toEqual(soonestFirst(tasks).slice(0, 3))
    })

    it('are the soonest ones when there are more than the limit, route by route', async () => {
      const [one, other] = [makeRoute(), makeRoute()]
      const [tasks, others] = [await submitLater(one), await submitLater(other)]
      const found = await world().runnable.readDueSoon([one, other, makeRoute()], 100_000, 2)
      expect(found.filter((task) => task.route.queue === one.queue)).toEqual(soonestFirst(tasks).slice(0, 2))
      expect(found.filter((task) => task.route.queue === other.queue)).toEqual(soonestFirst(others).slice(0, 2))
      expect(found).toHaveLength(4)
    })

    it('have those that wait for a retry among them', async () => {
      const { store } = world()
      const pending = await submitTo(world())
      const running = await appendCommand(store, pending, start(pending))
      const retrying = await appendCommand(store, running, fail(running, { retryAfterMs: 30_000 }))
      const { queue, type } = pending.facts.submission
      expect(await world().runnable.readDueSoon([{ queue, type }], 60_000, 10)).toEqual(soonestFirst([retrying]))
    })

    it('are none when no route is named', async () => {
      expect(await world().runnable.readDueSoon([], 60_000, 10)).toEqual([])
    })
  })
}
