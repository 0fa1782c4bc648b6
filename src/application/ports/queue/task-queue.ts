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
   * Adds hints, one round trip for all. An id that is in the queue already may be kept once, at the lower rank. Beyond
   * `queueIdsMax` ids a route the ones with the highest ranks are dropped. Wakes waiting pulls.
   */
  push(hints: readonly Hint[]): Promise<void>

  /** Takes up to `max` ids, lowest first over all routes asked for; waits up to `waitMs` when there is none. */
  pull(request: PullRequest): Promise<PulledHints>

  /**
   * How many ids one route holds. May be an estimate. Where counting costs something it goes no further than `countMax`:
   * that or more then says that there are at least so many.
   */
  size(route: Route, countMax?: number): Promise<number>
}

/** How many ids a queue keeps for one route. What does not fit waits among the heads. */
export const queueIdsMax = 100_000

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
  /** 0..10,000. How long an empty queue may keep the caller. */
  readonly waitMs: number
  /** Ends the waiting early, with what was taken so far: nothing is taken and then lost. */
  readonly signal: AbortSignal
}

export interface PulledHints {
  readonly taskIds: readonly TaskId[]
  /** About how many ids are left in the routes asked for; exact enough to tell a few from many. */
  readonly left: number
}
