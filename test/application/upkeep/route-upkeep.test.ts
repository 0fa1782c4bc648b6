import { afterEach, expect, it } from 'vitest'
import { createMemoryUnusedRoutes } from '#adapters/memory/heads/unused-routes.ts'
import { createSteadyClock } from '#application/mechanisms/steady-clock.ts'
import { createRouteUpkeep, routeAgeMsMin } from '#application/upkeep/route-upkeep.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { makeRoute } from '../../support/task-builders.ts'

const anHourMs = 3_600_000

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const setUp = async () => {
  const world = createMemoryWorld()
  const steadyClock = createSteadyClock({
    monotonicMs: () => world.clock.monotonicMs(),
    storeNow: () => world.storeClock.now(),
  })
  const unusedRoutes = createMemoryUnusedRoutes(world.database)
  const upkeep = createRouteUpkeep({ ...world, unusedRoutes, steadyClock })
  await world.routes.learn([makeRoute()])
  upkeep.start()
  closers.push(() => upkeep.close())
  return world
}

it('forgets a route without tasks after a day, and little later', async () => {
  const world = await setUp()
  await world.advance(routeAgeMsMin)
  expect(world.database.routes.size).toBe(1)
  await world.advance(2 * anHourMs)
  expect(world.database.routes.size).toBe(0)
})

it('forgets none because the clock leaps three days ahead for some seconds', async () => {
  const world = await setUp()
  for (let leaps = 0; leaps < 20; leaps += 1) {
    const now = world.storeClock.now()
    world.time.setStoreClock(now + 3 * routeAgeMsMin)
    await world.advance(20_000)
    world.time.setStoreClock(now + 20_000)
    await world.advance(97_000)
  }
  expect(world.database.routes.size).toBe(1)
})
