import type { PulledHints } from '#application/ports/queue/task-queue.ts'

/** A pull that names its routes by number. */
export interface NumberedPull {
  readonly routes: readonly number[]
  readonly max: number
  readonly waitMs: number
  readonly signal: AbortSignal
}

export interface WaitingPulls {
  /** How often `wake` was called. */
  wakes(): number
  /**
   * Resolves with the first hints that can be taken, or with none when the wait is over. `found` is what the caller's own
   * check answered, `wakesBefore` the number of wakes before that check: after a later one there may be hints again.
   */
  wait(pull: NumberedPull, found: PulledHints, wakesBefore: number): Promise<PulledHints>
  /** Has the waiting pulls of these routes check: hints may have been pushed. */
  wake(routes: readonly number[] | 'all'): void
  /** Ends all waits. */
  close(): void
}

interface Options {
  /** Takes hints from the table, without a wait. */
  readonly take: (pull: NumberedPull) => Promise<PulledHints>
  /** How long a lost notification may delay a waiting pull. Asked before each poll. */
  readonly pollMs: () => number
}

/**
 * The pulls of this process that wait, served in the order they came.
 *
 *     waiting ──notification, poll, recheck──▶ checking ──took hints, or failed──▶ ended
 *      │   ▲                                     │
 *      │   └───────────── took none ─────────────┘
 *      └── time over, aborted, closed ──▶ ended; during a check, when that is done
 *
 * One check runs at a time, and one that takes fewer hints than it asked for stands for all pulls of the same routes. So the
 * push of one hint costs one query or two, however many pulls wait.
 */
export const createWaitingPulls = ({ take, pollMs }: Options): WaitingPulls => {
  const waiting = new Set<WaitingPull>()
  let wakes = 0
  let wokenRoutes = new Set<number>()
  let state: 'idle' | 'checking' = 'idle'

  const wake = (routes: readonly number[] | 'all'): void => {
    wakes += 1
    if (waiting.size === 0) return
    const woken = routes === 'all' ? [...waiting].flatMap(({ pull }) => pull.routes) : routes
    for (const route of woken) wokenRoutes.add(route)
    if (state === 'idle') void checkWoken()
  }
  const timers = createCheckTimers({ wake, pollMs })

  const checkWoken = async (): Promise<void> => {
    state = 'checking'
    while (wokenRoutes.size > 0 && waiting.size > 0) {
      const routes = wokenRoutes
      wokenRoutes = new Set()
      for (const waiter of waiting) {
        const { pull } = waiter
        if (!pull.routes.some((route) => routes.has(route))) continue
        const found = await waiter.check()
        if (found !== undefined && waiting.size > 0) timers.recheck(pull.routes, found)
        if ((found?.taskIds.length ?? 0) < pull.max) for (const route of pull.routes) routes.delete(route)
      }
    }
    wokenRoutes = new Set()
    state = 'idle'
  }

  const onEnd = (waiter: WaitingPull): void => {
    waiting.delete(waiter)
    if (waiting.size === 0) timers.stop()
  }

  return {
    wakes: () => wakes,
    wake,
    wait: (pull, found, wakesBefore) => {
      const waiter = createWaitingPull(pull, { take, onEnd })
      waiting.add(waiter)
      timers.poll()
      timers.recheck(pull.routes, found)
      if (wakes !== wakesBefore) wake(pull.routes)
      return waiter.outcome
    },
    close: () => {
      for (const waiter of waiting) waiter.giveUp()
    },
  }
}

/** One pull that waits until hints are found for it, its time is over, or its signal aborts. */
interface WaitingPull {
  readonly pull: NumberedPull
  /** Settles as the check does that ends it. */
  readonly outcome: Promise<PulledHints>
  /** Takes hints for it. Answers what was found, or undefined when that failed. */
  check(): Promise<PulledHints | undefined>
  /** Ends it with no ids. A check under way ends first and gives its ids to this pull: nothing is taken and then lost. */
  giveUp(): void
}

interface WaitingPullDeps {
  readonly take: (pull: NumberedPull) => Promise<PulledHints>
  /** Called once. */
  readonly onEnd: (waiter: WaitingPull) => void
}

const createWaitingPull = (pull: NumberedPull, { take, onEnd }: WaitingPullDeps): WaitingPull => {
  const outcome = Promise.withResolvers<PulledHints>()
  let state: 'waiting' | 'checking' | 'ended' = 'waiting'
  let time: 'left' | 'over' = 'left'

  const end = (settle: () => void): void => {
    state = 'ended'
    clearTimeout(timer)
    pull.signal.removeEventListener('abort', giveUp)
    onEnd(waiter)
    settle()
  }

  const giveUp = (): void => {
    time = 'over'
    if (state === 'waiting') end(() => outcome.resolve({ taskIds: [], left: 0 }))
  }

  const check = async (): Promise<PulledHints | undefined> => {
    state = 'checking'
    try {
      const hints = await take(pull)
      state = 'waiting'
      if (hints.taskIds.length > 0 || isOver(time)) end(() => outcome.resolve(hints))
      return hints
    } catch (error) {
      end(() => outcome.reject(error))
      return undefined
    }
  }

  const waiter: WaitingPull = { pull, outcome: outcome.promise, check, giveUp }
  const timer = setTimeout(giveUp, pull.waitMs)
  pull.signal.addEventListener('abort', giveUp)
  return waiter
}

/** Read anew: TypeScript takes the time for the one it was before the await. */
const isOver = (time: 'left' | 'over'): boolean => time === 'over'

/** Between two checks while other pulls have locked all hints there are: they may leave some of them. Doubles. */
const recheckMs = { first: 10, most: 160 }

interface CheckTimersDeps {
  readonly wake: (routes: readonly number[] | 'all') => void
  readonly pollMs: () => number
}

/** What makes waiting pulls check although no push was notified. */
const createCheckTimers = ({ wake, pollMs }: CheckTimersDeps) => {
  let pollTimer: NodeJS.Timeout | undefined
  let recheckTimer: NodeJS.Timeout | undefined
  let delayMs = recheckMs.first

  const schedulePoll = (): void => {
    pollTimer = setTimeout(() => {
      schedulePoll()
      wake('all')
    }, pollMs())
  }

  return {
    /** Begins to wake all pulls every `pollMs`, unless it does so already. */
    poll: (): void => {
      if (pollTimer === undefined) schedulePoll()
    },
    /** Wakes the pulls of these routes again soon when a check took nothing although hints are left. */
    recheck: (routes: readonly number[], { taskIds, left }: PulledHints): void => {
      if (taskIds.length > 0 || left === 0) delayMs = recheckMs.first
      else if (recheckTimer === undefined) {
        recheckTimer = setTimeout(() => {
          recheckTimer = undefined
          wake(routes)
        }, delayMs)
        delayMs = Math.min(delayMs * 2, recheckMs.most)
      }
    },
    stop: (): void => {
      clearTimeout(pollTimer)
      clearTimeout(recheckTimer)
      pollTimer = undefined
      recheckTimer = undefined
    },
  }
}
