import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'

/** One entry: it must not last beyond its deadline. */
export interface Deadlined {
  /** By the monotonic clock. */
  readonly deadlineAtMs: number
  /** Called once when the deadline has passed. */
  expire(): void
}

/** Watches the deadlines of many short-lived entries with one timer. */
export interface Deadlines {
  /** Call it when `entry` has come to the entries, or has got another deadline. */
  watch(entry: Deadlined): void
  close(): void
}

interface Deps {
  readonly clock: Clock
  readonly timers: Timers
  /** The entries that are watched at present. */
  readonly entries: () => Iterable<Deadlined>
}

/**
 * The timer is set for the earliest deadline that was seen, and stays when its entry goes: nearly every entry goes long
 * before its deadline, and a timer for each would cost more than its work. When the timer fires it goes through all
 * entries, of which there are at most as many as one worker has handlers.
 */
export const createDeadlines = ({ clock, timers, entries }: Deps): Deadlines => {
  let timer: { readonly atMs: number; readonly cancel: () => void } | undefined

  const setTimer = (atMs: number): void => {
    if (timer !== undefined && timer.atMs <= atMs) return
    timer?.cancel()
    timer = { atMs, cancel: timers.after(Math.max(0, atMs - clock.monotonicMs()), expireDue) }
  }

  const expireDue = (): void => {
    timer = undefined
    const nowMs = clock.monotonicMs()
    for (const entry of entries()) if (entry.deadlineAtMs <= nowMs) entry.expire()
    let earliestMs = Number.POSITIVE_INFINITY
    for (const entry of entries()) earliestMs = Math.min(earliestMs, entry.deadlineAtMs)
    if (earliestMs !== Number.POSITIVE_INFINITY) setTimer(earliestMs)
  }

  return {
    watch: (entry) => setTimer(entry.deadlineAtMs),
    close: () => {
      timer?.cancel()
      timer = undefined
    },
  }
}
