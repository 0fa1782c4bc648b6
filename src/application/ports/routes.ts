/** A pair of queue and task type: what a hint queue is kept for, and what a worker does or does not serve. */
export interface Route {
  readonly queue: string
  readonly type: string
}

/** Routes are equal when their keys are. Neither name may contain a space, so the key is unambiguous. */
export const routeKey = (route: Route): string => `${route.queue} ${route.type}`

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
