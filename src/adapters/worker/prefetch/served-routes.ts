import { toServes } from '#application/health/worker-liveness.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import { type Route, routeKey } from '#domain/route.ts'

/** The known routes that this worker serves: it has a handler for the type, and works for the queue. */
export interface ServedRoutes {
  /** Reads which routes are known anywhere. Throws StoreUnavailableError. */
  refresh(): Promise<void>
  all(): readonly Route[]
  serves(route: Route): boolean
  /** Calls `listener` after each refresh that has found a route which was not there before. */
  onLearned(listener: () => void): void
}

interface Service {
  readonly types: ReadonlySet<string>
  /** Undefined: every queue. */
  readonly queues: readonly string[] | undefined
}

export const createServedRoutes = (routes: Routes, service: Service): ServedRoutes => {
  const serves = toServes(service)
  const listeners: (() => void)[] = []
  let served: readonly Route[] = []

  return {
    refresh: async () => {
      const before = new Set(served.map(routeKey))
      served = (await routes.readAll()).filter(serves)
      if (served.every((route) => before.has(routeKey(route)))) return
      for (const listener of listeners) listener()
    },
    all: () => served,
    serves,
    onLearned: (listener) => void listeners.push(listener),
  }
}
