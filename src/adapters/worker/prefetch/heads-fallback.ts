import type { RankedTask, RunnableIndex } from '#application/ports/heads/runnable-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'
import { type Route, routeKey } from '#domain/route.ts'

/** Due ids read from the heads, for when the queue does not answer. */
export interface HeadsFallback {
  /**
   * Up to `max` ids of the front of the served routes by rank, and up to as many of a scan behind the front. The scan has a
   * cursor for each route that goes back to the front at the end, so that ids which are refused again and again hide none
   * behind them. Of more routes than one read takes the next read goes on with the others. Throws StoreUnavailableError.
   */
  read(max: number): Promise<readonly TaskId[]>
}

/** Routes of which one read takes ids. */
const routesPerReadMax = 100
/** Routes with pending heads among which one read looks for served ones. */
const routesPerPage = 1_000
const pagesPerReadMax = 10

export const createHeadsFallback = (runnable: RunnableIndex, serves: (route: Route) => boolean): HeadsFallback => {
  const cursors = new Map<string, RankedTask>()
  /** Served routes that were found and not read yet. */
  let found: readonly Route[] = []
  let position: number | undefined

  const nextRoutes = async (): Promise<readonly Route[]> => {
    for (let page = 0; page < pagesPerReadMax && found.length === 0; page += 1) {
      const { routes, next } = await runnable.readRoutes(position, routesPerPage)
      found = routes.filter(serves)
      position = next
      if (next === undefined) break
    }
    const routes = found.slice(0, routesPerReadMax)
    found = found.slice(routesPerReadMax)
    return routes
  }

  /** To the last head that was taken of the window; to the front when that was the last head of its route. */
  const moveCursor = (
    route: Route,
    window: readonly RankedTask[],
    scanned: ReadonlySet<RankedTask>,
    limit: number,
  ): void => {
    const last = window.findLast((ranked) => scanned.has(ranked))
    if (window.length < limit && last === window.at(-1)) cursors.delete(routeKey(route))
    else if (last !== undefined) cursors.set(routeKey(route), last)
  }

  return {
    read: async (max) => {
      const routes = await nextRoutes()
      if (cursors.size > cursorsMax) cursors.clear()
      const scans = routes.map((route) => ({ route, after: cursors.get(routeKey(route)), limit: max }))
      // A scan without a cursor reads the front itself.
      const fronts = scans
        .filter(({ after }) => after !== undefined)
        .map(({ route, limit }) => ({ route, after: undefined, limit }))
      const windows = await runnable.readDue([...scans, ...fronts])
      const scanned = new Set(lowest(windows.slice(0, scans.length), max))
      for (const [index, { route }] of scans.entries()) moveCursor(route, windows[index] ?? [], scanned, max)
      return [...new Set([...lowest(windows.slice(scans.length), max), ...scanned].map(({ taskId }) => taskId))]
    },
  }
}

/** More cursors than this go back to the front all together. */
const cursorsMax = 10_000

const lowest = (windows: readonly (readonly RankedTask[])[], max: number): readonly RankedTask[] =>
  windows.flat().toSorted(compareRanked).slice(0, max)
