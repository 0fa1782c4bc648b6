/**
 * The store's clock, mistrusted: a clock may leap by days, for seconds or for good.
 *
 * All that is deleted, made or named by the clock goes by this one, so that a leap which lasts for less than a minute has no
 * effect. Whether something is due is not its business: that is what the store's own clock says.
 */
export interface SteadyClock {
  /** Milliseconds since 1970. Follows a step back at once, and a leap ahead once it has lasted for a minute. */
  now(): number
  /** `now`, or undefined while readings that are a minute apart do not agree: there may be a step, and it may be undone. */
  settledNow(): number | undefined
}

interface Readings {
  readonly monotonicMs: () => number
  /** What the store's clock shows, in milliseconds since 1970. */
  readonly storeNow: () => number
}

/** What is more than drift, or than an estimate that gets better. */
const stepMs = 10_000
const settlesAfterMs = 60_000

/** Compares readings whenever it is asked: somebody must ask it every few seconds. */
export const createSteadyClock = ({ monotonicMs, storeNow }: Readings): SteadyClock => {
  let sinceMs = monotonicMs()
  let seenOffsetMs = storeNow() - sinceMs
  let offsetMs = seenOffsetMs

  /** Answers the monotonic instant of the reading. */
  const read = (): number => {
    const atMs = monotonicMs()
    const foundMs = storeNow() - atMs
    if (Math.abs(foundMs - seenOffsetMs) > stepMs) sinceMs = atMs
    seenOffsetMs = foundMs
    if (foundMs - offsetMs <= stepMs || atMs - sinceMs >= settlesAfterMs) offsetMs = foundMs
    return atMs
  }

  return {
    now: () => Math.floor(read() + offsetMs),
    settledNow: () => {
      const atMs = read()
      return atMs - sinceMs >= settlesAfterMs ? Math.floor(atMs + offsetMs) : undefined
    },
  }
}
