import { namesMaxDefault, type RefusedName, type Routes } from '#application/ports/heads/routes.ts'
import { type Route, routeKey } from '#domain/route.ts'
import type { MemoryDatabase } from '../database.ts'

/** The routes of a memory database, with the bound of names. */
export const createMemoryRoutes = (database: MemoryDatabase, namesMax = namesMaxDefault): Routes => ({
  learn: async (routes) => {
    const refused: RefusedName[] = []
    for (const route of routes) {
      const name = database.routes.has(routeKey(route)) ? undefined : findRefused(database, route, namesMax)
      if (name === undefined) database.learnRoute(route)
      else refused.push(name)
    }
    return refused
  },
})

const findRefused = (database: MemoryDatabase, { queue, type }: Route, namesMax: number): RefusedName | undefined => {
  // A route brings two names at most: far from the bound nothing is counted.
  if (2 * (database.routes.size + 1) <= namesMax) return undefined
  const stored = [...database.routes.values()]
  const queues = new Set(stored.map((route) => route.queue))
  const types = new Set(stored.map((route) => route.type))
  const room = namesMax - queues.size - types.size
  if (!queues.has(queue) && room < 1) return { kind: 'queue', name: queue }
  return !types.has(type) && room < 1 + Number(!queues.has(queue)) ? { kind: 'type', name: type } : undefined
}
