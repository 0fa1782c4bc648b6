import type { Instant } from '#domain/time.ts'

/** The routes that were learned once and have no tasks. */
export interface UnusedRoutes {
  /**
   * Forgets the routes that have no task and that no process has used since that instant, and the names that no route has
   * any more. Answers how many routes that were. Reads all heads when there are such routes, in short pages with pauses
   * between, and ends early when `signal` aborts. Throws StoreUnavailableError.
   */
  forget(usedBefore: Instant, signal: AbortSignal): Promise<number>
}
