/** What a push tells the other processes: for which routes there are hints, and how low the lowest of them is. */
export interface News {
  readonly routes: readonly number[] | 'all'
  /** A rank; undefined when the news do not say. */
  readonly lowest: number | undefined
}

export const toNews = (hints: readonly { readonly route: number; readonly rank: number }[]): News => {
  const routes = new Set<number>()
  let lowest = Number.POSITIVE_INFINITY
  for (const hint of hints) {
    routes.add(hint.route)
    lowest = Math.min(lowest, hint.rank)
  }
  return { routes: [...routes], lowest }
}

/** A notification holds less than 8,000 bytes; a number and its comma are at most 11. */
const routesPerNewsMax = 700

/** `3,4@1700000000000`: the routes, none when they are too many to name, and the lowest rank. */
export const formatNews = ({ routes, lowest }: News): string => {
  const named = routes === 'all' || routes.length > routesPerNewsMax ? '' : routes.join(',')
  return lowest === undefined ? named : `${named}@${lowest}`
}

/** Also of a process of the release before, which names no rank. */
export const parseNews = (text: string): News => {
  const { named = '', rank } = /^(?<named>\d+(?:,\d+)*)?(?:@(?<rank>-?\d+))?$/.exec(text)?.groups ?? {}
  return {
    routes: named === '' ? 'all' : named.split(',').map(Number),
    lowest: rank === undefined ? undefined : Number(rank),
  }
}
