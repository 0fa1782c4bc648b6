import type { Route } from '#domain/route.ts'

/** The routes that tasks have: each is learned with its first task, and forgotten when it has had none for a day. */
export interface Routes {
  /**
   * Makes sure that the routes are stored. Answers the names that were refused because there are too many: a route that has
   * one of these is not stored. Idempotent. Throws StoreUnavailableError.
   */
  learn(routes: readonly Route[]): Promise<readonly RefusedName[]>
}

/** A new name of a queue or of a type beyond the bound. */
export interface RefusedName {
  readonly kind: 'queue' | 'type'
  readonly name: string
}

/** How many names of queues and of types an installation holds together, unless it is configured otherwise. */
export const namesMaxDefault = 10_000
