import type { Route } from '#domain/route.ts'
import type { Clock } from '../ports/surroundings/clock.ts'
import type { WorkerRow } from '../ports/workers/worker-registry.ts'

/**
 * The lanes of the queue: what hints are kept and pulled by.
 *
 * Hints of one type share a lane, whichever queue their tasks are in, for the workers that serve every queue. A queue that
 * some worker names in `QUEUES` has lanes of its own, one a type: that worker must find its hints without those of other
 * queues. So a pull names a few lanes, however many queues there are, and a queue that nobody names costs nothing.
 *
 * Which queues are named is read from the registry, and so known a moment late. A hint that went to the wrong lane until then
 * is a lost hint at worst: the reconciler pushes it again, to the right one.
 */
export interface Lanes {
  /** Where the hints of a route are. By the latest reading; asks nothing. */
  laneOf(route: Route): Route
  /** The queues with lanes of their own. Another set only when they have changed. */
  namedQueues(): ReadonlySet<string>
  /** Reads which queues are named, unless that was read within two seconds. Throws StoreUnavailableError. */
  refresh(): Promise<void>
  /** Whether they were read within two seconds. */
  isFresh(): boolean
}

/** In place of a queue in the lanes that all queues share. No queue has this name: names begin with a letter or a digit. */
const sharedQueue = '*'

interface Deps {
  /** The rows of the registry, at most so many milliseconds old. */
  readonly readWorkers: (ageMsMax: number) => Promise<readonly Pick<WorkerRow, 'queues' | 'state'>[]>
  readonly clock: Clock
}

const freshMs = 2_000
/** Types beyond this are forgotten all together, and met again. */
const typesMax = 10_000

export const createLanes = ({ readWorkers, clock }: Deps): Lanes => {
  /** The shared lane of each type that was met: every hint asks for one. */
  const shared = new Map<string, Route>()
  let named: ReadonlySet<string> = new Set()
  let triedAtMs = Number.NEGATIVE_INFINITY

  const isFresh = (): boolean => clock.monotonicMs() - triedAtMs <= freshMs

  const sharedLane = (type: string): Route => {
    if (shared.size >= typesMax) shared.clear()
    const lane = { queue: sharedQueue, type }
    shared.set(type, lane)
    return lane
  }

  return {
    laneOf: (route) => (named.has(route.queue) ? route : (shared.get(route.type) ?? sharedLane(route.type))),
    namedQueues: () => named,
    isFresh,
    refresh: async () => {
      if (isFresh()) return
      // Also when it fails: hints that wait for a store that is away would wait at each push.
      triedAtMs = clock.monotonicMs()
      const rows = await readWorkers(freshMs)
      const queues = new Set(rows.flatMap((row) => (row.state === 'ended' ? [] : (row.queues ?? []))))
      if (queues.size !== named.size || !queues.isSubsetOf(named)) named = queues
    },
  }
}

/** What a worker works for. */
export interface LaneService {
  /** Undefined: every queue. */
  readonly queues: readonly string[] | undefined
  readonly types: Iterable<string>
}

/** The lanes that a worker pulls from: of the queues that it names, or the shared ones and those of all named queues. */
export const lanesServedBy = ({ queues, types }: LaneService, named: ReadonlySet<string>): readonly Route[] => {
  const all = [...types]
  return [...new Set(queues ?? [sharedQueue, ...named])].flatMap((queue) => all.map((type) => ({ queue, type })))
}
