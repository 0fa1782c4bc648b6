import { type Lanes, lanesServedBy } from '#application/hints/lanes.ts'
import { toServes } from '#application/health/worker-liveness.ts'
import type { Route } from '#domain/route.ts'

/** The lanes that this worker pulls from, and the routes that it serves. */
export interface ServedLanes {
  /** Reads which queues have lanes of their own. Throws StoreUnavailableError. */
  refresh(): Promise<void>
  /** The lanes for the next pull: all of them, or the next part of many. */
  next(): readonly Route[]
  /** How many pulls ask for all lanes once. */
  parts(): number
  serves(route: Route): boolean
  /** Calls `listener` after each refresh that has found another set of lanes. */
  onChanged(listener: () => void): void
}

interface Service {
  readonly types: ReadonlySet<string>
  /** Undefined: every queue. */
  readonly queues: readonly string[] | undefined
}

/** A pull looks into each of its lanes. Only a worker of hundreds of named queues and types has more. */
const lanesPerPullMax = 256

export const createServedLanes = (lanes: Lanes, service: Service): ServedLanes => {
  const listeners: (() => void)[] = []
  let named = lanes.namedQueues()
  let parts = toParts(lanesServedBy(service, named))
  let turn = 0

  return {
    refresh: async () => {
      await lanes.refresh()
      if (lanes.namedQueues() === named) return
      named = lanes.namedQueues()
      // The lanes of a worker that names its queues are the same whatever the others name.
      if (service.queues !== undefined) return
      parts = toParts(lanesServedBy(service, named))
      for (const listener of listeners) listener()
    },
    next: () => {
      turn = (turn + 1) % parts.length
      return parts[turn] ?? []
    },
    parts: () => parts.length,
    serves: toServes(service),
    onChanged: (listener) => void listeners.push(listener),
  }
}

/** At least one part. */
const toParts = (all: readonly Route[]): readonly (readonly Route[])[] => {
  const parts: (readonly Route[])[] = []
  for (let first = 0; first === 0 || first < all.length; first += lanesPerPullMax) {
    parts.push(all.slice(first, first + lanesPerPullMax))
  }
  return parts
}
