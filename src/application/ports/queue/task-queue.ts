import type { TaskId } from '#domain/identifiers.ts'
import type { Route } from '#domain/route.ts'

/**
 * A hint: for each route the ids that may be ready, in order of (rank, id).
 *
 * It has no authority. It may lose, duplicate, reorder or resurrect anything at any time; that costs delay and nothing
 * else, because a task is claimed by its `Started` event and lost hints are found again by the reconciler.
 */
export interface TaskQueue {
  /**
   * Adds hints, one round trip for all. An id that is in the queue already may be kept once, at the lower rank. Of more than
   * `queueIdsMax` ids of a route those with the highest ranks are dropped. Wakes waiting pulls. `again` tells a queue that
   * goes about it differently that most of these hints may be there already. Throws an Error when the queue is away.
   */
  push(hints: readonly Hint[], novelty?: Novelty): Promise<void>

  /**
   * Takes up to `max` ids, the lowest (rank, id) of all routes asked for first; waits up to `waitMs` when there is none.
   * Throws an Error when the queue is away.
   */
  pull(request: PullRequest): Promise<PulledHints>

  /**
   * How many ids one route holds; may be an estimate. An adapter that has to count stops at `countMax`: an answer of
   * `countMax` or more means at least so many. Throws an Error when the queue is away.
   */
  size(route: Route, countMax?: number): Promise<number>
}

/** How many ids a queue keeps for one route. The reconciler pushes the others from the heads later. */
export const queueIdsMax = 100_000

export type Novelty = 'new' | 'again'

export interface Hint {
  readonly taskId: TaskId
  readonly route: Route
  /** By `rankOf`. */
  readonly rank: number
}

export interface PullRequest {
  readonly routes: readonly Route[]
  /** 1..1000. */
  readonly max: number
  /** 0..10,000. How long the caller waits for an empty queue. */
  readonly waitMs: number
  /** Aborted, it ends the wait early: the pull answers the ids that it has taken, so that none is lost. */
  readonly signal: AbortSignal
}

export interface PulledHints {
  readonly taskIds: readonly TaskId[]
  /** About how many ids are left in the routes asked for; exact enough to tell a few from many. */
  readonly left: number
}
