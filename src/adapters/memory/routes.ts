import type { Routes } from '#application/ports/routes.ts'
import type { MemoryDatabase } from './database.ts'

/** The routes of a memory database, in the order they were learned. */
export const createMemoryRoutes = (database: MemoryDatabase): Routes => ({
  learn: async (routes) => {
    for (const route of routes) database.learnRoute(route)
  },
  readAll: async () => [...database.routes.values()],
})
