import { type Route, routeKey } from '#domain/route.ts'
import type { RankedTask, RunnableIndex } from '#application/ports/heads/runnable-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'

/** Due ids read from the heads, for when the queue does not answer. */
export interface HeadsFallback {
  /**
   * Up to `max` ids of the front of all routes by rank, and up to as many of a scan behind the front. The scan has a cursor
   * for each route that goes back to the front at the end, so that ids which are refused again and again hide none behind
   * them. Throws StoreUnavailableError.
   */
  read(routes: readonly Route[], max: number): Promise<readonly TaskId[]>
}

export const createHeadsFallback = (runnable: RunnableIndex): HeadsFallback => {
  const cursors = new Map<string, RankedTask>()

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
    read: async (routes, max) => {
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

const lowest = (windows: readonly (readonly RankedTask[])[], max: number): readonly RankedTask[] =>
  windows.flat().toSorted(compareRanked).slice(0, max)
