import type { Clock, Timers } from '#application/ports/clock.ts'

/** Something that must not last beyond its deadline. */
export interface Deadlined {
  /** By the monotonic clock. */
  readonly deadlineAtMs: number
  /** Called once when the deadline has passed. */
  expire(): void
}

/** The deadlines of many short things by one timer. */
export interface Deadlines {
  add(entry: Deadlined): void
  delete(entry: Deadlined): void
  close(): void
}

/**
 * The timer is set for the earliest deadline that was added and is left alone when its entry goes: nearly every entry goes
 * long before its deadline, and setting a timer for each would cost more than the work. When it fires it looks through
 * what is there, which is never more than the handlers of one worker.
 */
export const createDeadlines = ({ clock, timers }: { readonly clock: Clock; readonly timers: Timers }): Deadlines => {
  const entries = new Set<Deadlined>()
  let timer: { readonly atMs: number; readonly cancel: () => void } | undefined

  const setTimer = (atMs: number): void => {
    if (timer !== undefined && timer.atMs <= atMs) return
    timer?.cancel()
    timer = { atMs, cancel: timers.after(Math.max(0, atMs - clock.monotonicMs()), expireSome) }
  }

  const expireSome = (): void => {
    timer = undefined
    const nowMs = clock.monotonicMs()
    const expired = [...entries].filter((entry) => entry.deadlineAtMs <= nowMs)
    for (const entry of expired) {
      if (entries.delete(entry)) entry.expire()
    }
    let earliestMs = Number.POSITIVE_INFINITY
    for (const entry of entries) earliestMs = Math.min(earliestMs, entry.deadlineAtMs)
    if (earliestMs !== Number.POSITIVE_INFINITY) setTimer(earliestMs)
  }

  return {
    add: (entry) => {
      entries.add(entry)
      setTimer(entry.deadlineAtMs)
    },
    delete: (entry) => {
      entries.delete(entry)
    },
    close: () => {
      entries.clear()
      timer?.cancel()
      timer = undefined
    },
  }
}
