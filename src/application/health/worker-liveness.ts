import type { Route } from '#domain/route.ts'
import type { WorkerRow } from '../ports/workers/worker-registry.ts'

/**
 * Whether a worker that has not ended gave no sign of life for its whole lease.
 *
 * Judged by the store's clock, which may step: for people only. Recovery takes nothing for lost by it, but watches the
 * beats by its own clock (lease-watch.ts).
 */
export const isSilent = ({ state, silentForMs, leaseMs }: WorkerRow): boolean =>
  state !== 'ended' && silentForMs >= leaseMs

/** Neither ended nor silent: its runs go on. It may be draining. For people only, as `isSilent` is. */
export const isAlive = (worker: WorkerRow): boolean => worker.state !== 'ended' && !isSilent(worker)

/** Alive and not draining: it takes tasks of the routes that it serves. For people only, as `isSilent` is. */
export const takesTasks = (worker: WorkerRow): boolean => worker.state === 'live' && !isSilent(worker)

/** What a worker works for. */
interface Service {
  /** Undefined: every queue. */
  readonly queues: Iterable<string> | undefined
  readonly types: Iterable<string>
}

/** Answers the function that tells whether a worker serves a route: it has a handler for the type, and works for the queue. */
export const toServes = (worker: Service): ((route: Route) => boolean) => {
  const types = new Set(worker.types)
  const queues = worker.queues && new Set(worker.queues)
  return ({ queue, type }) => types.has(type) && (queues === undefined || queues.has(queue))
}
