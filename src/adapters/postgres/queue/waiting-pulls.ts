import type { PulledHints } from '#application/ports/queue/task-queue.ts'
import { createWaiter, type NumberedPull, type Waiter } from './waiter.ts'

interface Options {
  readonly take: (pull: NumberedPull) => Promise<PulledHints>
  /** How long news may go unheard. Asked before each pause. */
  readonly pollMs: () => number
}

export interface WaitingPulls {
  /** Rises with all news. */
  newsHeard(): number
  /** Resolves with the first hints that can be taken, or with none at the end. `before`: the news heard before the last look. */
  wait(pull: NumberedPull, found: PulledHints, before: number): Promise<PulledHints>
  /** There are hints of these routes. */
  wake(routes: readonly number[] | 'all'): void
  /** Ends all waits. */
  close(): void
}

/**
 * The pulls of this process that wait, in the order they came.
 *
 * News are looked at by one query at a time, and a look that finds less than it asked for speaks for all who wait for the
 * same routes: however many wait, news of one hint cost one query, or two.
 */
export const createWaitingPulls = ({ take, pollMs }: Options): WaitingPulls => {
  const waiters = new Set<Waiter>()
  let news = 0
  let woken = new Set<number>()
  let state: 'idle' | 'serving' = 'idle'

  const wake = (routes: readonly number[] | 'all'): void => {
    news += 1
    if (waiters.size === 0) return
    const all = routes === 'all' ? [...waiters].flatMap((waiter) => waiter.pull.routes) : routes
    for (const route of all) woken.add(route)
    if (state === 'idle') void serve()
  }
  const timers = createLookTimers({ wake, pollMs })

  const serve = async (): Promise<void> => {
    state = 'serving'
    while (woken.size > 0 && waiters.size > 0) {
      const turn = woken
      woken = new Set()
      for (const waiter of waiters) {
        if (!waiter.pull.routes.some((route) => turn.has(route))) continue
        const found = await waiter.look()
        if (found !== undefined && waiters.size > 0) timers.again(waiter.pull.routes, found)
        if ((found?.taskIds.length ?? 0) < waiter.pull.max) for (const route of waiter.pull.routes) turn.delete(route)
      }
    }
    woken = new Set()
    state = 'idle'
  }

  const ended = (waiter: Waiter): void => {
    waiters.delete(waiter)
    if (waiters.size === 0) timers.stop()
  }

  return {
    newsHeard: () => news,
    wake,
    wait: (pull, found, before) => {
      const waiter = createWaiter(pull, { take, ended })
      waiters.add(waiter)
      timers.poll()
      timers.again(pull.routes, found)
      if (news !== before) wake(pull.routes)
      return waiter.outcome
    },
    close: () => {
      for (const waiter of waiters) waiter.giveUp()
    },
  }
}

/** When all that is there is just being taken by others, who may leave some of it. */
const lookAgainMs = { first: 10, most: 160 }

interface LookTimersDeps {
  readonly wake: (routes: readonly number[] | 'all') => void
  readonly pollMs: () => number
}

/** What makes waiting pulls look without news. */
const createLookTimers = ({ wake, pollMs }: LookTimersDeps) => {
  let pollTimer: NodeJS.Timeout | undefined
  let againTimer: NodeJS.Timeout | undefined
  let againMs = lookAgainMs.first

  const beginToPoll = (): void => {
    pollTimer = setTimeout(() => {
      beginToPoll()
      wake('all')
    }, pollMs())
  }

  return {
    /** Looks again and again from now on, if it does not already. */
    poll: (): void => {
      if (pollTimer === undefined) beginToPoll()
    },
    /** Looks again soon when nothing was found though something is there. */
    again: (routes: readonly number[], { taskIds, left }: PulledHints): void => {
      if (taskIds.length > 0 || left === 0) againMs = lookAgainMs.first
      else if (againTimer === undefined) {
        againTimer = setTimeout(() => {
          againTimer = undefined
          wake(routes)
        }, againMs)
        againMs = Math.min(againMs * 2, lookAgainMs.most)
      }
    },
    stop: (): void => {
      clearTimeout(pollTimer)
      clearTimeout(againTimer)
      pollTimer = undefined
      againTimer = undefined
    },
  }
}
