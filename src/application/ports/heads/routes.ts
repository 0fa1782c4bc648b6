import type { Route } from '#domain/route.ts'

/** The routes that exist. They are learned, never removed. */
export interface Routes {
  /**
   * Makes sure the routes are known everywhere. Answers those that nobody knew before this call, for the caller to
   * announce. Idempotent. Throws StoreUnavailableError.
   */
  learn(routes: readonly Route[]): Promise<readonly Route[]>

  /** Every route learned anywhere so far. Throws StoreUnavailableError. */
  readAll(): Promise<readonly Route[]>
}
