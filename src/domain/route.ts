/** A pair of queue and task type: what a hint queue is kept for, and what a worker does or does not serve. */
export interface Route {
  readonly queue: string
  readonly type: string
}

/** Routes are equal when their keys are. Neither name may contain a space, so the key is unambiguous. */
export const routeKey = (route: Route): string => `${route.queue} ${route.type}`
