import { type Route, routeKey } from '#domain/route.ts'
import type { RankedTask, RunnableIndex } from '../ports/heads/runnable-index.ts'
import type { Hint, TaskQueue } from '../ports/queue/task-queue.ts'

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
}

const windowsPerRead = 100
/**
 * A head that has been ready for less than this is left out: it was pushed a moment ago, or is pulled and being claimed, and
 * a second hint would only be refused. The next pass finds it if its hint was lost.
 */
const readyForMs = 250
const hintsPerPushMax = 1_000

export const createDueScan = ({ runnable, queue }: Deps): DueScan => {
  /** The head after which the next window of a route begins. A route without a cursor begins at its first head. */
  const cursors = new Map<string, RankedTask>()

  const push = async (route: Route, window: readonly RankedTask[]): Promise<number> => {
    for (let first = 0; first < window.length; first += hintsPerPushMax) {
      const hints = window.slice(first, first + hintsPerPushMax).map((ranked): Hint => ({ ...ranked, route }))
      await queue.push(hints)
    }
    return window.length
  }

  const moveCursor = (route: Route, window: readonly RankedTask[], limit: number): void => {
    const last = window.at(-1)
    if (last === undefined || window.length < limit) cursors.delete(routeKey(route))
    else cursors.set(routeKey(route), last)
  }

  const pushEach = async (
    routes: readonly Route[],
    pushBatch: (routes: readonly Route[]) => Promise<number>,
  ): Promise<number> => {
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
    let pushed = 0
    for (const [index, route] of routes.entries()) {
      const window = windows[index] ?? []
      pushed += await push(route, window)
      moveCursor(route, window, limit)
    }
    return pushed
  }

  const pushFronts = async (routes: readonly Route[], limit: number): Promise<number> => {
    const windows = await runnable.readDue(routes.map((route) => ({ route, after: undefined, limit, readyForMs })))
    let pushed = 0
    for (const [index, route] of routes.entries()) pushed += await push(route, windows[index] ?? [])
    return pushed
  }

  return {
    pushFrontAndNext: async (routes, limit) => {
      // Without a cursor the next window is the first one.
      const behind = routes.filter((route) => cursors.has(routeKey(route)))
      return (
        (await pushEach(behind, (batch) => pushFronts(batch, limit))) +
        (await pushEach(routes, (batch) => pushWindows(batch, limit)))
      )
    },
    pushNext: (routes, limit) => pushEach(routes, (batch) => pushWindows(batch, limit)),
    hasMore: (route) => cursors.has(routeKey(route)),
  }
}
