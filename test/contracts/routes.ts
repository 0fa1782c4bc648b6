import { describe, expect, it } from 'vitest'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { UnusedRoutes } from '#application/ports/heads/unused-routes.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { appendCommand, makeRoute, makeSubmission, range, submitTo } from '../support/task-builders.ts'

const anHourMs = 3_600_000

export interface RoutesWorld extends ContractWorld {
  /** The routes as one process of the fleet meets them, with a bound of names. Each call is another process. */
  openRoutes(namesMax?: number): Routes
  readonly store: EventStore
  readonly routes: Routes
  readonly unused: UnusedRoutes
  /** How many names of queues and of types are stored. */
  countNames(): Promise<number>
}

/** The contract of every Routes. */
export const describeRoutes = (name: string, setup: Setup<RoutesWorld>): void => {
  describe(`the routes (${name})`, () => {
    const world = useWorld(setup)
    /** Routes with room for so many more names. */
    const openWithRoom = async (names: number): Promise<Routes> =>
      world().openRoutes((await world().countNames()) + names)

    it('bring two names each, which count once however often and wherever they are met', async () => {
      const own = range(20).map(makeRoute)
      const before = await world().countNames()
      expect(
        await world()
          .openRoutes()
          .learn([...own, ...own]),
      ).toEqual([])
      const elsewhere = world().openRoutes()
      expect(await elsewhere.learn(own.toReversed())).toEqual([])
      expect(await elsewhere.learn(own)).toEqual([])
      expect((await world().countNames()) - before).toBe(40)
    })

    it('count once when many processes meet them at the same moment', async () => {
      const own = range(20).map(makeRoute)
      const before = await world().countNames()
      const learned = await Promise.all(
        range(10).map((place) =>
          world()
            .openRoutes()
            .learn(place % 2 === 0 ? own : own.toReversed()),
        ),
      )
      expect(learned.flat()).toEqual([])
      expect((await world().countNames()) - before).toBe(40)
    })

    it('are refused when they bring a new name beyond the bound, which is named with its kind', async () => {
      const [known, fresh, other] = [makeRoute(), makeRoute(), makeRoute()]
      const routes = await openWithRoom(2)
      expect(await routes.learn([known])).toEqual([])
      expect(await routes.learn([fresh])).toEqual([{ kind: 'queue', name: fresh.queue }])
      const otherType = { queue: known.queue, type: other.type }
      expect(await routes.learn([otherType])).toEqual([{ kind: 'type', name: other.type }])
    })

    it('are learned at the bound when both of their names are known', async () => {
      const [one, other] = [makeRoute(), makeRoute()]
      const routes = await openWithRoom(4)
      expect(await routes.learn([one, other])).toEqual([])
      const crossed = { queue: one.queue, type: other.type }
      expect(await routes.learn([crossed])).toEqual([])
      expect(await world().openRoutes(0).learn([one, other, crossed])).toEqual([])
    })

    it('are learned as far as there is room', async () => {
      const own = range(5).map(makeRoute)
      const before = await world().countNames()
      expect(await (await openWithRoom(6)).learn(own)).toHaveLength(2)
      expect((await world().countNames()) - before).toBe(6)
    })

    it('do not exceed the bound by what many processes learn at the same moment', async () => {
      const before = await world().countNames()
      const processes = await Promise.all(range(8).map(() => openWithRoom(8)))
      await Promise.all(processes.map((routes) => routes.learn(range(4).map(makeRoute))))
      expect((await world().countNames()) - before).toBe(8)
    })

    it('are forgotten when they have no task and nobody has used them since, and leave room for others', async () => {
      const { signal } = new AbortController()
      const [used, empty] = [makeRoute(), makeRoute()]
      const task = await submitTo(world(), makeSubmission(used))
      await appendCommand(world().store, task, { type: 'Cancel' })
      await world().openRoutes().learn([empty])
      const before = await world().countNames()
      const { now } = await world().store.loadStreams([])
      await world().unused.forget(now - anHourMs, signal)
      expect(await world().countNames()).toBe(before)
      expect(await world().unused.forget(now + anHourMs, signal)).toBeGreaterThan(0)
      expect(await world().countNames()).toBeLessThan(before)
      expect(await world().openRoutes(0).learn([used, empty])).toEqual([{ kind: 'queue', name: empty.queue }])
    })

    it('may be an empty list', async () => {
      expect(await world().openRoutes().learn([])).toEqual([])
    })
  })
}
