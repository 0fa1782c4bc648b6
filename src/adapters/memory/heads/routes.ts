import type { Routes } from '#application/ports/heads/routes.ts'
import { routeKey } from '#domain/route.ts'
import type { MemoryDatabase } from '../database.ts'

/** The routes of a memory database, in the order they were learned. */
export const createMemoryRoutes = (database: MemoryDatabase): Routes => ({
  learn: async (routes) => {
    const fresh = routes.filter((route) => !database.routes.has(routeKey(route)))
    for (const route of fresh) database.learnRoute(route)
    return fresh.map(({ queue, type }) => ({ queue, type }))
  },
  readAll: async () => [...database.routes.values()],
})
