import { type Route, routeKey } from '#domain/route.ts'
import type { RankedTask, RunnableIndex } from '../ports/heads/runnable-index.ts'
import type { Hint, TaskQueue } from '../ports/queue/task-queue.ts'
import type { Lanes } from './lanes.ts'

/**
 * Scans the due heads of each route in order of the queue, and pushes them window by window: the first window in every pass,
 * because ids that were pulled and never started are lost there; and the window behind a cursor that wraps, so that ids
 * which are refused again and again cannot hide the ids behind them.
 */
export interface DueScan {
  /** Pushes the first window of each route, and the window behind its cursor. Answers how many ids it pushed. */
  pushFrontAndNext(routes: readonly Route[], limit: number): Promise<number>
  /** Pushes the window behind the cursor of each route. Answers how many ids it pushed. */
  pushNext(routes: readonly Route[], limit: number): Promise<number>
  /** Whether the last window of the route was full: more heads may lie behind it. */
  hasMore(route: Route): boolean
}

interface Deps {
  readonly runnable: RunnableIndex
  readonly queue: TaskQueue
  readonly lanes: Lanes
}

/** Ids that one read of windows answers at most. */
const idsPerRead = 20_000
const windowsPerReadMax = 1_000
/**
 * A head that has been ready for less than this is left out: it was pushed a moment ago, or is pulled and being claimed, and
 * a second hint would only be refused. The next pass finds it if its hint was lost.
 */
const readyForMs = 250
const hintsPerPushMax = 1_000
/** With more cursors, those of routes that a pass does not look at go back to the front. */
const cursorsMax = 20_000

export const createDueScan = ({ runnable, queue, lanes }: Deps): DueScan => {
  /** The head after which the next window of a route begins. A route without a cursor begins at its first head. */
  const cursors = new Map<string, RankedTask>()

  /** The windows of one read go to the queue together, so that many short ones cost few pushes. */
  const push = async (routes: readonly Route[], windows: readonly (readonly RankedTask[])[]): Promise<number> => {
    const hints = routes.flatMap((route, place) => {
      const lane = lanes.laneOf(route)
      return (windows[place] ?? []).map(({ taskId, rank }): Hint => ({ taskId, rank, route: lane }))
    })
    for (let first = 0; first < hints.length; first += hintsPerPushMax) {
      // Most of them are there: the scan repairs what few were lost.
      await queue.push(hints.slice(first, first + hintsPerPushMax), 'again')
    }
    return hints.length
  }

  const moveCursor = (route: Route, window: readonly RankedTask[], limit: number): void => {
    const last = window.at(-1)
    if (last === undefined || window.length < limit) cursors.delete(routeKey(route))
    else cursors.set(routeKey(route), last)
  }

  const pushEach = async (
    routes: readonly Route[],
    limit: number,
    pushBatch: (routes: readonly Route[]) => Promise<number>,
  ): Promise<number> => {
    const windowsPerRead = Math.max(1, Math.min(windowsPerReadMax, Math.floor(idsPerRead / limit)))
    let pushed = 0
    for (let first = 0; first < routes.length; first += windowsPerRead) {
      pushed += await pushBatch(routes.slice(first, first + windowsPerRead))
    }
    return pushed
  }

  const pushWindows = async (routes: readonly Route[], limit: number): Promise<number> => {
    const windows = await runnable.readDue(
      routes.map((route) => ({ route, after: cursors.get(routeKey(route)), limit, readyForMs })),
    )
    const pushed = await push(routes, windows)
    for (const [place, route] of routes.entries()) moveCursor(route, windows[place] ?? [], limit)
    return pushed
  }

  const pushFronts = async (routes: readonly Route[], limit: number): Promise<number> => {
    const windows = await runnable.readDue(routes.map((route) => ({ route, after: undefined, limit, readyForMs })))
    return push(routes, windows)
  }

  return {
    pushFrontAndNext: async (routes, limit) => {
      forgetOthers(cursors, routes)
      // Without a cursor the next window is the first one.
      const behind = routes.filter((route) => cursors.has(routeKey(route)))
      return (
        (await pushEach(behind, limit, (batch) => pushFronts(batch, limit))) +
        (await pushEach(routes, limit, (batch) => pushWindows(batch, limit)))
      )
    },
    pushNext: (routes, limit) => pushEach(routes, limit, (batch) => pushWindows(batch, limit)),
    hasMore: (route) => cursors.has(routeKey(route)),
  }
}

/** A route without pending heads is not asked for, and would keep its cursor for ever. A kept one hides nothing: it wraps. */
const forgetOthers = (cursors: Map<string, RankedTask>, routes: readonly Route[]): void => {
  if (cursors.size <= cursorsMax) return
  const keys = new Set(routes.map(routeKey))
  for (const key of cursors.keys()) if (!keys.has(key)) cursors.delete(key)
}
