import { describe, expect, it } from 'vitest'
import type { Routes } from '#application/ports/heads/routes.ts'
import { type Route, routeKey } from '#domain/route.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { makeRoute, range } from '../support/task-builders.ts'

export interface RoutesWorld extends ContractWorld {
  readonly routes: Routes
  /** The routes as another process of the fleet reads them. */
  readonly routesElsewhere: Routes
}

/** The contract of every Routes. */
export const describeRoutes = (name: string, setup: Setup<RoutesWorld>): void => {
  describe(`the routes (${name})`, () => {
    const world = useWorld(setup)

    const readOwn = async (routes: Routes, own: readonly Route[]): Promise<readonly string[]> => {
      const keys = new Set(own.map(routeKey))
      return (await routes.readAll())
        .map(routeKey)
        .filter((key) => keys.has(key))
        .toSorted()
    }
    const keysOf = (routes: readonly Route[]): readonly string[] => routes.map(routeKey).toSorted()

    it('are known here and elsewhere once they were learned', async () => {
      const own = range(3).map(makeRoute)
      await world().routes.learn(own)
      expect(await readOwn(world().routes, own)).toEqual(keysOf(own))
      expect(await readOwn(world().routesElsewhere, own)).toEqual(keysOf(own))
    })

    it('are answered by the call that made them known, and by no later one', async () => {
      const [first, second] = [makeRoute(), makeRoute()]
      expect(keysOf(await world().routes.learn([first]))).toEqual(keysOf([first]))
      expect(keysOf(await world().routes.learn([first, second]))).toEqual(keysOf([second]))
      expect(await world().routesElsewhere.learn([first, second])).toEqual([])
    })

    it('are pairs: one queue with two types is two, and so is one type in two queues', async () => {
      const [one, other] = [makeRoute(), makeRoute()]
      const own = [one, { queue: one.queue, type: other.type }, { queue: other.queue, type: one.type }]
      await world().routes.learn(own)
      expect(await readOwn(world().routes, [...own, other])).toEqual(keysOf(own))
    })

    it('have exactly the two names, however much else came with them', async () => {
      const route = makeRoute()
      await world().routes.learn([Object.assign({ priority: 1 }, route)])
      expect((await world().routes.readAll()).find(({ queue }) => queue === route.queue)).toEqual(route)
    })

    it('are learned once, however often and wherever they are met', async () => {
      const own = range(20).map(makeRoute)
      await world().routes.learn([...own, ...own])
      await world().routes.learn(own)
      await world().routesElsewhere.learn(own.toReversed())
      expect(await readOwn(world().routesElsewhere, own)).toEqual(keysOf(own))
    })

    it('are learned once when many processes meet them at the same moment', async () => {
      const own = range(20).map(makeRoute)
      await Promise.all(
        range(10).map((place) =>
          place % 2 === 0 ? world().routes.learn(own) : world().routesElsewhere.learn(own.toReversed()),
        ),
      )
      expect(await readOwn(world().routes, own)).toEqual(keysOf(own))
    })

    it('may be an empty list', async () => {
      const before = await world().routes.readAll()
      await world().routes.learn([])
      expect(await world().routes.readAll()).toEqual(before)
    })
  })
}
