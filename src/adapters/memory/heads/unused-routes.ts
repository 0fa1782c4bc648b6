import type { UnusedRoutes } from '#application/ports/heads/unused-routes.ts'
import { routeKey } from '#domain/route.ts'
import type { MemoryDatabase } from '../database.ts'

/** The unused routes of a memory database. */
export const createMemoryUnusedRoutes = (database: MemoryDatabase): UnusedRoutes => ({
  forget: async (usedBefore) => {
    const used = new Set<string>()
    for (const head of database.heads.newestFirst()) used.add(routeKey(head))
    let forgotten = 0
    for (const key of database.routes.keys()) {
      if (used.has(key) || (database.routesUsedAt.get(key) ?? 0) >= usedBefore) continue
      database.routes.delete(key)
      database.routesUsedAt.delete(key)
      forgotten += 1
    }
    return forgotten
  },
})
