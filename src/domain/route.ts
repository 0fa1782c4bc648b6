/** A pair of queue and task type. Each has its own set of hints, and a worker serves it or does not. */
export interface Route {
  readonly queue: string
  readonly type: string
}

/** Routes are equal when their keys are. Neither name may contain a space, so the key is unambiguous. */
export const routeKey = (route: Route): string => `${route.queue} ${route.type}`
