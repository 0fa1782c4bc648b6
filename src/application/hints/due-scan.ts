import { type Route, routeKey } from '#domain/route.ts'
import type { RankedTask, RunnableIndex } from '../ports/heads/runnable-index.ts'
import type { Hint, TaskQueue } from '../ports/queue/task-queue.ts'

/**
 * Pushes due heads window by window: the front again and again, because that is where ids are lost that were pulled and
 * never started; and a walk behind a cursor that wraps, so that no number of refused ids can hide those behind them.
 */
export interface DueScan {
  /** Pushes the front of each route and the next window of its walk. Answers how many ids it pushed. */
  pushFrontAndNext(routes: readonly Route[], limit: number): Promise<number>
  /** Pushes the next window of the walk of each route. */
  pushNext(routes: readonly Route[], limit: number): Promise<number>
  /** Whether the last window of the walk was full, so that more lie behind it. */
  hasMore(route: Route): boolean
}

interface Deps {
  readonly runnable: RunnableIndex
  readonly queue: TaskQueue
}

const windowsPerRead = 100
/**
 * What became ready just now is on its way: pushed a moment ago, or pulled and being claimed. To hint at it again would
 * only have it refused. The next pass finds what is lost all the same.
 */
const readyForMs = 250
const hintsPerPushMax = 1_000

export const createDueScan = ({ runnable, queue }: Deps): DueScan => {
  /** After which head the next window of a route begins. A route that is not in it begins at the front. */
  const cursors = new Map<string, RankedTask>()

  const push = async (route: Route, window: readonly RankedTask[]): Promise<number> => {
    for (let first = 0; first < window.length; first += hintsPerPushMax) {
      const hints = window.slice(first, first + hintsPerPushMax).map((ranked): Hint => ({ ...ranked, route }))
      await queue.push(hints)
    }
    return window.length
  }

  const moveOn = (route: Route, window: readonly RankedTask[], limit: number): void => {
    const last = window.at(-1)
    if (last === undefined || window.length < limit) cursors.delete(routeKey(route))
    else cursors.set(routeKey(route), last)
  }

  const pushEach = async (
    routes: readonly Route[],
    pushSome: (routes: readonly Route[]) => Promise<number>,
  ): Promise<number> => {
    let pushed = 0
    for (let first = 0; first < routes.length; first += windowsPerRead) {
      pushed += await pushSome(routes.slice(first, first + windowsPerRead))
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
      moveOn(route, window, limit)
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
      // A walk that begins at the front is the front.
      const behind = routes.filter((route) => cursors.has(routeKey(route)))
      return (
        (await pushEach(behind, (some) => pushFronts(some, limit))) +
        (await pushEach(routes, (some) => pushWindows(some, limit)))
      )
    },
    pushNext: (routes, limit) => pushEach(routes, (some) => pushWindows(some, limit)),
    hasMore: (route) => cursors.has(routeKey(route)),
  }
}
