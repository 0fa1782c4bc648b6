import type { StoreClock } from '#application/ports/surroundings/clock.ts'
import type { Instant } from '#domain/time.ts'

/** The store's clock as this process estimates it from the instants in the server's answers. */
export interface EstimatedStoreClock extends StoreClock {
  /** The server's clock showed `serverMs` at some moment between these two monotonic instants. */
  observe(serverMs: number, sentAtMs: number, receivedAtMs: number): void
}

/** How fast the error of an observation grows with its age: two quartz clocks drift apart by less than this. */
const driftPerMs = 0.000_2

/** The server tells whole milliseconds. */
const wholeMs = 1

/**
 * Estimates the server's clock from round trips. The true offset lies within half a round trip of its middle, so the quickest
 * round trip counts until drift has made its error larger than that of a newer one (Cristian's algorithm, 1989). One that
 * cannot be true together with the estimate shows that the clock has stepped, and counts at once.
 */
export const createEstimatedStoreClock = (monotonicMs: () => number): EstimatedStoreClock => {
  let offsetMs: number | undefined
  let errorMs = Number.POSITIVE_INFINITY
  let observedAtMs = 0
  return {
    now: (): Instant => Math.floor(monotonicMs() + (offsetMs ?? Date.now() - monotonicMs())),
    observe: (serverMs, sentAtMs, receivedAtMs) => {
      const newErrorMs = (receivedAtMs - sentAtMs) / 2
      const newOffsetMs = serverMs - (sentAtMs + receivedAtMs) / 2
      const presentErrorMs = errorMs + (receivedAtMs - observedAtMs) * driftPerMs
      const apartMs = Math.abs(newOffsetMs - (offsetMs ?? newOffsetMs))
      if (newErrorMs > presentErrorMs && apartMs <= newErrorMs + presentErrorMs + wholeMs) return
      offsetMs = newOffsetMs
      errorMs = newErrorMs
      observedAtMs = receivedAtMs
    },
  }
}
