import { performance } from 'node:perf_hooks'
import { describe, expect, it } from 'vitest'
import type { Route } from '#domain/route.ts'
import type { Hint, PulledHints, TaskQueue } from '#application/ports/queue/task-queue.ts'
import { mintTaskId } from '../../support/ids.ts'
import { makeRoute } from '../../support/task-builders.ts'
import type { TaskQueueWorld } from '../task-queue.ts'
import { take, takeAll } from './hints.ts'

/** Far below the waits in these tests, far above the time that a pull takes to wake. */
const quicklyMs = 1_000

const makeHint = (route: Route, rank = 0): Hint => ({ taskId: mintTaskId(), route, rank })

const measure = async <Result>(call: Promise<Result>) => {
  const begunAtMs = performance.now()
  const result = await call
  return { result, tookMs: performance.now() - begunAtMs }
}

export const describeWaiting = (world: () => TaskQueueWorld): void => {
  /** Begins to wait, and gives the pull 50 ms until it does. */
  const wait = async (
    queue: TaskQueue,
    routes: readonly Route[],
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{ readonly pulled: Promise<PulledHints> }> => {
    const pulled = queue.pull({ routes, max: 1, waitMs: 10_000, signal })
    await world().advance(50)
    return { pulled }
  }

  describe('a pull that waits', () => {
    it('does not wait when there is something to take', async () => {
      const route = makeRoute()
      const hint = makeHint(route)
      await world().queue.push([hint])
      const { signal } = new AbortController()
      const pull = world().queue.pull({ routes: [route], max: 10, waitMs: 10_000, signal })
      const { result, tookMs } = await measure(pull)
      expect(result.taskIds).toEqual([hint.taskId])
      expect(tookMs).toBeLessThan(quicklyMs)
    })

    it.each(['queue', 'queueElsewhere'] as const)('is woken at once by a push through %s', async (pusher) => {
      const route = makeRoute()
      const hint = makeHint(route)
      const { pulled } = await wait(world().queue, [makeRoute(), route])
      const { result, tookMs } = await measure(
        world()
          [pusher].push([hint])
          .then(() => pulled),
      )
      expect(result.taskIds).toEqual([hint.taskId])
      expect(tookMs).toBeLessThan(quicklyMs)
    })

    it('shares a push with others that wait', async () => {
      const route = makeRoute()
      const hints = [makeHint(route), makeHint(route)]
      const [one, other] = [await wait(world().queue, [route]), await wait(world().queueElsewhere, [route])]
      await world().queue.push(hints)
      const pulled = await Promise.all([one.pulled, other.pulled])
      expect(pulled.flatMap(({ taskIds }) => taskIds).toSorted()).toEqual(hints.map((hint) => hint.taskId).toSorted())
    })

    it('takes the lowest of what comes together', async () => {
      const route = makeRoute()
      const hints = [5, 1, 9].map((rank) => makeHint(route, rank))
      const { pulled } = await wait(world().queue, [makeRoute(), route])
      await world().queue.push(hints)
      expect((await pulled).taskIds).toEqual([hints[1]?.taskId])
      expect(await takeAll(world().queue, [route])).toEqual([hints[0]?.taskId, hints[2]?.taskId])
    })

    it('goes on waiting when another route gets a push', async () => {
      const [route, other] = [makeRoute(), makeRoute()]
      const [own, foreign] = [makeHint(route), makeHint(other)]
      const { pulled } = await wait(world().queue, [route])
      await world().queue.push([foreign])
      await world().advance(50)
      await world().queue.push([own])
      expect((await pulled).taskIds).toEqual([own.taskId])
      expect(await takeAll(world().queue, [other])).toEqual([foreign.taskId])
    })

    it('comes back empty when its time is over', async () => {
      const { signal } = new AbortController()
      const pull = measure(world().queue.pull({ routes: [makeRoute()], max: 1, waitMs: 200, signal }))
      await world().advance(250)
      const { result, tookMs } = await pull
      expect(result.taskIds).toEqual([])
      expect(tookMs).toBeLessThan(200 + quicklyMs)
    })

    it('does not wait when waitMs is zero', async () => {
      const { result, tookMs } = await measure(take(world().queue, [makeRoute()], 1))
      expect(result).toEqual({ taskIds: [], left: 0 })
      expect(tookMs).toBeLessThan(quicklyMs)
    })
  })

  describe('a pull whose signal aborts', () => {
    it('ends at once and leaves what comes later', async () => {
      const route = makeRoute()
      const hint = makeHint(route)
      const controller = new AbortController()
      const { pulled } = await wait(world().queue, [route], controller.signal)
      controller.abort()
      const { result, tookMs } = await measure(pulled)
      await world().queue.push([hint])
      expect(result.taskIds).toEqual([])
      expect(tookMs).toBeLessThan(quicklyMs)
      expect(await takeAll(world().queue, [route])).toEqual([hint.taskId])
    })

    it('loses nothing that is pushed at the same moment', async () => {
      const route = makeRoute()
      const hint = makeHint(route)
      const controller = new AbortController()
      const { pulled } = await wait(world().queue, [route], controller.signal)
      const pushed = world().queueElsewhere.push([hint])
      controller.abort()
      await pushed
      const { taskIds } = await pulled
      expect([...taskIds, ...(await takeAll(world().queue, [route]))]).toEqual([hint.taskId])
    })

    it('does not wait when it had aborted before', async () => {
      const route = makeRoute()
      const hint = makeHint(route)
      const signal = AbortSignal.abort()
      const empty = await measure(world().queue.pull({ routes: [route], max: 1, waitMs: 10_000, signal }))
      await world().queue.push([hint])
      const { taskIds } = await world().queue.pull({ routes: [route], max: 1, waitMs: 10_000, signal })
      expect(empty.result.taskIds).toEqual([])
      expect(empty.tookMs).toBeLessThan(quicklyMs)
      expect([...taskIds, ...(await takeAll(world().queue, [route]))]).toEqual([hint.taskId])
    })
  })
}
