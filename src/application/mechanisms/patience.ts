/** How a process whose passes of a periodic work fail leaves them to processes that can do them. */
export interface Patience {
  /** Whether this process still leaves the turn of that name to others. */
  isWaiting(name: string, everyMs: number): boolean
  /** A pass of this process ended. */
  ended(name: string, how: 'done' | 'failed'): void
  /** Another process was seen to have done a pass. */
  sawOthers(name: string): void
}

/**
 * In periods of the work. After a failure every other process has the time to come first (their loops take two or three
 * periods); for as long as others are seen to succeed, the process does not try again for a minute or so.
 */
const periods = { afterFailure: 2.5, othersSeen: 5, whileOthersSucceed: 30 }

interface Failing {
  readonly failedAtMs: number
  readonly othersSeenAtMs: number
}

/** By the monotonic clock. */
export const createPatience = (monotonicMs: () => number): Patience => {
  const failing = new Map<string, Failing>()
  return {
    isWaiting: (name, everyMs) => {
      const { failedAtMs, othersSeenAtMs } = failing.get(name) ?? never
      const nowMs = monotonicMs()
      if (nowMs - failedAtMs < periods.afterFailure * everyMs) return true
      return (
        nowMs - othersSeenAtMs < periods.othersSeen * everyMs &&
        nowMs - failedAtMs < periods.whileOthersSucceed * everyMs
      )
    },
    ended: (name, how) => {
      if (how === 'done') failing.delete(name)
      else failing.set(name, { ...(failing.get(name) ?? never), failedAtMs: monotonicMs() })
    },
    sawOthers: (name) => {
      const known = failing.get(name)
      if (known !== undefined) failing.set(name, { ...known, othersSeenAtMs: monotonicMs() })
    },
  }
}

const never: Failing = { failedAtMs: Number.NEGATIVE_INFINITY, othersSeenAtMs: Number.NEGATIVE_INFINITY }
