import { describe, expect, it } from 'vitest'
import type { Route } from '#domain/route.ts'
import type { Hint, PulledHints, TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'
import { mintTaskId } from '../../support/ids.ts'
import { makeRoute, range } from '../../support/task-builders.ts'
import type { TaskQueueWorld } from '../task-queue.ts'

/** Ranks are instants of one moment in 2026, give or take a hundred minutes for the priority. */
const makeHint = (route: Route, rank: number): Hint => ({ taskId: mintTaskId(), route, rank: 1_767_225_600_000 + rank })

const idsInOrder = (hints: readonly Hint[]): readonly TaskId[] =>
  hints.toSorted(compareRanked).map((hint) => hint.taskId)

/** Takes without waiting. */
export const take = (queue: TaskQueue, routes: readonly Route[], max: number): Promise<PulledHints> =>
  queue.pull({ routes, max, waitMs: 0, signal: new AbortController().signal })

/** Takes until nothing is left. */
export const takeAll = async (queue: TaskQueue, routes: readonly Route[], max = 1_000): Promise<readonly TaskId[]> => {
  const taken: TaskId[] = []
  for (let { taskIds } = await take(queue, routes, max); taskIds.length > 0;) {
    taken.push(...taskIds)
    ;({ taskIds } = await take(queue, routes, max))
  }
  return taken
}

export const describeHints = (world: () => TaskQueueWorld): void => {
  describeOrder(world)
  describeBound(world)
}

const describeOrder = (world: () => TaskQueueWorld): void => {
  describe('hints', () => {
    it('are taken by rank and then by id, whatever order they came in', async () => {
      const route = makeRoute()
      const hints = [5, -6_000_000, 0, 7, 0, 6_000_000, 0, -1, 7].map((rank) => makeHint(route, rank))
      await world().queue.push(hints.slice(0, 5).toReversed())
      await world().queue.push(hints.slice(5))
      expect((await take(world().queue, [route], 100)).taskIds).toEqual(idsInOrder(hints))
    })

    it('are taken in order over several routes', async () => {
      const routes = [makeRoute(), makeRoute(), makeRoute()]
      const { queue } = routes[0] ?? makeRoute()
      const all = [...routes, { ...makeRoute(), queue }]
      const hints = range(40).flatMap((place) =>
        all.slice(place % 4, (place % 4) + 1).map((route) => makeHint(route, (place * 7) % 11)),
      )
      await world().queue.push(hints)
      expect(await takeAll(world().queue, all, 7)).toEqual(idsInOrder(hints))
    })

    it('are taken once, and as many as asked for', async () => {
      const route = makeRoute()
      const hints = range(10).map((rank) => makeHint(route, rank))
      await world().queue.push(hints)
      const first = await take(world().queue, [route], 3)
      const second = await take(world().queue, [route], 3)
      const third = await take(world().queue, [route], 1_000)
      expect([first, second, third].flatMap(({ taskIds }) => taskIds)).toEqual(idsInOrder(hints))
      expect([first, second, third].map(({ taskIds }) => taskIds.length)).toEqual([3, 3, 4])
      expect((await take(world().queue, [route], 3)).taskIds).toEqual([])
    })

    it('stay when their route is not asked for, even if its queue or its type is', async () => {
      const [here, there] = [makeRoute(), makeRoute()]
      const others = [
        makeHint({ queue: here.queue, type: there.type }, 0),
        makeHint({ queue: there.queue, type: here.type }, 0),
      ]
      const own = makeHint(here, 1)
      await world().queue.push([...others, own])
      expect(await takeAll(world().queue, [here])).toEqual([own.taskId])
      expect(
        await takeAll(
          world().queue,
          others.map((hint) => hint.route),
        ),
      ).toEqual(idsInOrder(others))
    })

    it('reach another process', async () => {
      const route = makeRoute()
      const hint = makeHint(route, 0)
      await world().queueElsewhere.push([hint])
      expect(await takeAll(world().queue, [route])).toEqual([hint.taskId])
    })

    it('may come twice, and then keep the order of their lower rank', async () => {
      const route = makeRoute()
      const hints = range(10).map((rank) => makeHint(route, rank * 10))
      const [first] = hints
      const urgent = hints.slice(5).map((hint) => ({ ...hint, rank: hint.rank - 1_000 }))
      await world().queue.push(hints)
      await world().queue.push(hints)
      await world().queue.push(urgent)
      await world().queue.push([{ ...(first ?? makeHint(route, 0)), rank: 1_767_225_600_000 + 5_000 }])
      const taken = [...new Set(await takeAll(world().queue, [route], 3))]
      expect(taken).toEqual(idsInOrder([...hints.slice(0, 5), ...urgent]))
    })

    it('are all there when some that were pushed with them had been there before', async () => {
      const route = makeRoute()
      const hints = range(4).map((rank) => makeHint(route, rank))
      await world().queue.push(hints.slice(1, 3))
      await world().queue.push(hints)
      expect([...new Set(await takeAll(world().queue, [route]))]).toEqual(idsInOrder(hints))
    })

    it('are all handed out when twenty pulls run at once', async () => {
      const route = makeRoute()
      const hints = range(100).map((rank) => makeHint(route, rank))
      await world().queue.push(hints)
      const pulled = await Promise.all(
        range(20).map((place) => take(place % 2 === 0 ? world().queue : world().queueElsewhere, [route], 10)),
      )
      const rest = await takeAll(world().queue, [route])
      const taken = [...pulled.flatMap(({ taskIds }) => taskIds), ...rest]
      expect(taken.toSorted()).toEqual(idsInOrder(hints).toSorted())
    })

    it('may be pushed and pulled by empty lists of hints and routes', async () => {
      await world().queue.push([])
      expect((await take(world().queue, [], 10)).taskIds).toEqual([])
      expect((await take(world().queue, [makeRoute()], 10)).taskIds).toEqual([])
    })
  })
}

const describeBound = (world: () => TaskQueueWorld): void => {
  describe('a route of the queue', () => {
    it('tells about how many hints are left', async () => {
      const [route, other] = [makeRoute(), makeRoute()]
      await world().queue.push(range(150).map((rank) => makeHint(route, rank)))
      await world().queue.push(range(50).map((rank) => makeHint(other, rank)))
      const first = await take(world().queue, [route], 10)
      const both = await take(world().queue, [route, other], 10)
      await take(world().queue, [route, other], 175)
      const last = await take(world().queue, [route, other], 4)
      expect(first.left).toBeGreaterThan(100)
      expect(first.left).toBeLessThan(180)
      expect(both.left).toBeGreaterThan(first.left)
      expect(last.left).toBeLessThan(20)
    })

    it('tells about how many it holds', async () => {
      const route = makeRoute()
      expect(await world().queue.size(route)).toBe(0)
      await world().queue.push(range(100).map((rank) => makeHint(route, rank)))
      expect(await world().queue.size(route)).toBeGreaterThan(50)
      expect(await world().queue.size(route)).toBeLessThan(150)
      expect(await world().queue.size(makeRoute())).toBe(0)
    })

    it('answers at least the number up to which it is asked to count when it holds more', async () => {
      const route = makeRoute()
      expect(await world().queue.size(route, 40)).toBe(0)
      await world().queue.push(range(100).map((rank) => makeHint(route, rank)))
      expect(await world().queue.size(route, 40)).toBeGreaterThanOrEqual(40)
    })

    it('drops the highest ranks beyond its bound', async () => {
      const { queue, queueIdsMax } = world()
      const route = makeRoute()
      const hints = range(queueIdsMax + 50).map((rank) => makeHint(route, rank))
      await queue.push(hints.slice(100))
      await queue.push(hints.slice(0, 100))
      expect(await takeAll(queue, [route])).toEqual(idsInOrder(hints).slice(0, queueIdsMax))
    })

    it('is bounded on its own', async () => {
      const { queue, queueIdsMax } = world()
      const [full, other] = [makeRoute(), makeRoute()]
      const hint = makeHint(other, 1_000_000)
      await queue.push([hint, ...range(queueIdsMax).map((rank) => makeHint(full, rank))])
      expect(await takeAll(queue, [other])).toEqual([hint.taskId])
    })
  })
}
