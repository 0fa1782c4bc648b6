import { type Route, routeKey } from '#domain/route.ts'
import type { RankedTask, RunnableIndex } from '#application/ports/heads/runnable-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'

/** Due ids from the heads themselves. */
export interface HeadWindows {
  /**
   * Up to `max` ids of the front of all routes by rank, and up to as many of a walk behind it that wraps: ids which are
   * refused again and again hide nothing. Throws StoreUnavailableError.
   */
  read(routes: readonly Route[], max: number): Promise<readonly TaskId[]>
}

export const createHeadWindows = ({ runnable }: { readonly runnable: RunnableIndex }): HeadWindows => {
  const cursors = new Map<string, RankedTask>()

  /** Behind the last head that was taken of the window; to the front when it was the last of its route. */
  const moveCursor = (
    route: Route,
    window: readonly RankedTask[],
    walked: ReadonlySet<RankedTask>,
    limit: number,
  ): void => {
    const last = window.findLast((ranked) => walked.has(ranked))
    if (window.length < limit && last === window.at(-1)) cursors.delete(routeKey(route))
    else if (last !== undefined) cursors.set(routeKey(route), last)
  }

  return {
    read: async (routes, max) => {
      const walks = routes.map((route) => ({ route, after: cursors.get(routeKey(route)), limit: max }))
      // A walk that begins at the front is the front.
      const fronts = walks.filter(({ after }) => after !== undefined).map((walk) => ({ ...walk, after: undefined }))
      const windows = await runnable.readDue([...walks, ...fronts])
      const walked = new Set(lowest(windows.slice(0, walks.length), max))
      for (const [index, { route }] of walks.entries()) moveCursor(route, windows[index] ?? [], walked, max)
      return [...new Set([...lowest(windows.slice(walks.length), max), ...walked].map(({ taskId }) => taskId))]
    },
  }
}

const lowest = (windows: readonly (readonly RankedTask[])[], max: number): readonly RankedTask[] =>
  windows.flat().toSorted(compareRanked).slice(0, max)
