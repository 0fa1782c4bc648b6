import { ConfigurationError } from '#application/diagnosis/startup-error.ts'
import { type Route, routeKey } from '#domain/route.ts'

/**
 * The key of a route's sorted set: `prefix:{queue}:type`. The braces put the sets of one queue into one slot of a Cluster,
 * so that one script may read them all; names are encoded so that no name has braces of its own.
 */
export const toQueueKey = (prefix: string, { queue, type }: Route): string =>
  `${prefix}:{${encodeURIComponent(queue)}}:${encodeURIComponent(type)}`

/** Keys that one command may name together. */
export type KeyList = readonly string[]

/** The keys of the routes, each once, in one list for each queue. */
export const groupByQueue = (prefix: string, routes: readonly Route[]): readonly KeyList[] => {
  const distinct = new Map(routes.map((route) => [routeKey(route), route]))
  const groups = Map.groupBy(distinct.values(), ({ queue }) => queue)
  return [...groups.values()].map((group) => group.map((route) => toQueueKey(prefix, route)))
}

const prefixPattern = /^[A-Za-z0-9_.:/-]{1,100}$/

/** Throws ConfigurationError for a prefix that would spoil the keys, as one with braces would. */
export const parsePrefix = (prefix: string): string => {
  if (prefixPattern.test(prefix)) return prefix
  throw new ConfigurationError(['REDIS_PREFIX must be 1 to 100 letters, digits or any of _ . : / -'])
}

/** The same list from another place on: a rotation of 0 leaves it as it is. */
export const rotate = <Item>(items: readonly Item[], rotation: number): readonly Item[] => {
  const start = items.length === 0 ? 0 : rotation % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}
