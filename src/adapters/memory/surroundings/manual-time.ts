import type { Clock, StoreClock, Timers } from '#application/ports/surroundings/clock.ts'
import type { Instant } from '#domain/time.ts'
import { createEventLoopWatch } from './event-loop-watch.ts'
import { createSortedList } from '../heads/sorted-list.ts'

/** Time that stands still until it is told to go on: the clocks and the timers of one test. */
export interface ManualTime {
  readonly clock: Clock
  /** Goes with the clock; unlike it, it can be set. */
  readonly storeClock: StoreClock
  readonly timers: Timers

  /**
   * Lets `ms` go by. Timers that fall due meanwhile fire one by one in the order of their instants, equal ones in the order
   * they were set, those included that are set on the way. Before each of them, and at the end, everything that was set
   * in motion comes to rest, as `settle` has it.
   *
   * Must not be called while it is under way. Throws what a callback throws, and a RangeError when a million timers fired.
   */
  advance(ms: number): Promise<void>

  /**
   * Resolves when promises and `soon` callbacks have run their course, without letting any time go by. It cannot know of
   * files, sockets and other threads. Throws a RangeError when one thing leads to the next without end.
   */
  settle(): Promise<void>

  /** Sets the store's clock, forwards or back; it goes on from there. The monotonic clock knows nothing of it. */
  setStoreClock(now: Instant): void

  /** How many timers and sleeps are waiting. None are left when everything that set one was closed. */
  pendingTimers(): number
}

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly fire: () => void
}

const firingsMax = 1_000_000

/** `startAt` is what the store's clock shows at first: 2026-01-01T00:00:00Z unless said otherwise. */
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
