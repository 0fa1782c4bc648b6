import type { Route } from '#domain/route.ts'

/** The routes that exist: each is learned with its first task, and never removed. */
export interface Routes {
  /**
   * Makes sure that the routes are stored, for every process to read. Answers those that were not stored before, for the
   * caller to announce. Idempotent. Throws StoreUnavailableError.
   */
  learn(routes: readonly Route[]): Promise<readonly Route[]>

  /** Every route that any process has learned. Throws StoreUnavailableError. */
  readAll(): Promise<readonly Route[]>
}
