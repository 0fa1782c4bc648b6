import type { Clock, StoreClock, Timers } from '#application/ports/surroundings/clock.ts'
import type { Instant } from '#domain/time.ts'
import { createEventLoopWatch } from './event-loop-watch.ts'
import { createSortedList } from '../sorted-list.ts'

/** The clocks and timers of one test. Time stands still until the test advances it. */
export interface ManualTime {
  readonly clock: Clock
  /** Advances with `clock`; unlike that, a test can set it. */
  readonly storeClock: StoreClock
  readonly timers: Timers

  /**
   * Lets `ms` go by. Timers that fall due fire one by one in order of their instants, equal ones in the order they were set;
   * so do timers that are set on the way. Before each firing, and at the end, the process settles.
   *
   * Throws when a call is still under way, what a callback throws, and a RangeError after a million firings.
   */
  advance(ms: number): Promise<void>

  /**
   * Resolves when no promise and no `soon` callback is left to run; no time goes by. Files, sockets and other threads are not
   * waited for. Throws a RangeError when the process is not at rest after 10,000 turns of the event loop.
   */
  settle(): Promise<void>

  /** Sets the store's clock, forwards or back, from where it goes on. The monotonic clock stays as it is. */
  setStoreClock(now: Instant): void

  /** How many timers and sleeps are waiting: zero once every part that set one is closed. */
  pendingTimers(): number
}

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly fire: () => void
}

const firingsMax = 1_000_000

/** `startAt` is the first instant of the store's clock: 2026-01-01T00:00:00Z by default. */
export const createManualTime = ({ startAt = 1_767_225_600_000 }: { readonly startAt?: Instant } = {}): ManualTime => {
  const waiting = createSortedList<Timer>((a, b) => a.atMs - b.atMs || a.order - b.order)
  const { soon, settle } = createEventLoopWatch()
  let elapsedMs = 0
  let storeOffsetMs = startAt
  let timersSet = 0
  let state: 'standing' | 'advancing' = 'standing'

  const after = (delayMs: number, callback: () => void): (() => void) => {
    if (Number.isNaN(delayMs)) throw new RangeError('a delay must be a number')
    timersSet += 1
    const timer: Timer = { atMs: elapsedMs + Math.max(0, delayMs), order: timersSet, fire: callback }
    waiting.insert(timer)
    return () => waiting.remove(timer)
  }

  const fireUntil = async (endMs: number): Promise<void> => {
    await settle()
    for (let fired = 0; fired < firingsMax; fired += 1) {
      const next = waiting.first()
      if (next === undefined || next.atMs > endMs) {
        elapsedMs = endMs
        return
      }
      waiting.remove(next)
      elapsedMs = Math.max(elapsedMs, next.atMs)
      next.fire()
      await settle()
    }
    throw new RangeError(`${firingsMax} timers fired on the way`)
  }

  const advance = async (ms: number): Promise<void> => {
    if (!(ms >= 0)) throw new RangeError('time goes forwards only')
    if (state === 'advancing') throw new Error('time is being advanced already')
    state = 'advancing'
    try {
      await fireUntil(elapsedMs + ms)
    } finally {
      state = 'standing'
    }
  }

  return {
    clock: { monotonicMs: () => elapsedMs },
    storeClock: { now: () => Math.floor(storeOffsetMs + elapsedMs) },
    timers: { after, soon, sleep: (delayMs, signal) => sleep(after, delayMs, signal) },
    advance,
    settle,
    setStoreClock: (now) => {
      storeOffsetMs = now - elapsedMs
    },
    pendingTimers: () => waiting.size(),
  }
}

const sleep = (after: Timers['after'], delayMs: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const wake = (): void => {
      cancel()
      signal?.removeEventListener('abort', wake)
      resolve()
    }
    const cancel = after(delayMs, wake)
    signal?.addEventListener('abort', wake)
  })
