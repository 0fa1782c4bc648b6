import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'

/** Something that must not last beyond its deadline. */
export interface Deadlined {
  /** By the monotonic clock. */
  readonly deadlineAtMs: number
  /** Called once when the deadline has passed. */
  expire(): void
}

/** The deadlines of many short things by one timer. */
export interface Deadlines {
  /** `entry` is among the entries from now on, or has another deadline. */
  watch(entry: Deadlined): void
  close(): void
}

interface Deps {
  readonly clock: Clock
  readonly timers: Timers
  /** What is watched at present. */
  readonly entries: () => Iterable<Deadlined>
}

/**
 * The timer is set for the earliest deadline that was seen and is left alone when its entry goes: nearly every entry goes
 * long before its deadline, and setting a timer for each would cost more than the work. When it fires it looks through
 * what is there, which is never more than the handlers of one worker.
 */
export const createDeadlines = ({ clock, timers, entries }: Deps): Deadlines => {
  let timer: { readonly atMs: number; readonly cancel: () => void } | undefined

  const setTimer = (atMs: number): void => {
    if (timer !== undefined && timer.atMs <= atMs) return
    timer?.cancel()
    timer = { atMs, cancel: timers.after(Math.max(0, atMs - clock.monotonicMs()), expireSome) }
  }

  const expireSome = (): void => {
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
