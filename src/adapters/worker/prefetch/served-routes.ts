import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import { toServes } from '#application/health/worker-liveness.ts'
import { type Route, routeKey } from '#domain/route.ts'

/** The known routes that this worker serves: it has a handler for the type, and works for the queue. */
export interface ServedRoutes {
  /** Reads what was learned anywhere. Throws StoreUnavailableError. */
  refresh(): Promise<void>
  all(): readonly Route[]
  serves(route: Route): boolean
}

interface Deps {
  readonly clock: Clock
  readonly routes: Routes
  readonly types: ReadonlySet<string>
  /** Undefined: every queue. */
  readonly queues: readonly string[] | undefined
  /** There are routes that were not there before. */
  readonly onLearned: () => void
}

export const createServedRoutes = (deps: Deps): ServedRoutes => {
  const serves = toServes(deps)
  let served: readonly Route[] = []

  return {
    refresh: async () => {
      const before = new Set(served.map(routeKey))
      served = (await deps.routes.readAll()).filter(serves)
      if (served.some((route) => !before.has(routeKey(route)))) deps.onLearned()
    },
    all: () => served,
    serves,
  }
}
