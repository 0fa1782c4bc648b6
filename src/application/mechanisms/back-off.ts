/** The first and the longest wait of a back-off, in milliseconds. */
export interface BackOffLimits {
  readonly firstMs: number
  readonly mostMs: number
}

/** For a store: the second question comes 25 to 50 ms after the first, and in a long outage one comes every 1 to 2 s. */
const storeLimits: BackOffLimits = { firstMs: 50, mostMs: 2_000 }

/** 2^30 times any first wait is beyond every `mostMs`. */
const doublingsMax = 30

/**
 * How long to wait before something is asked again, in milliseconds: `firstMs` doubling to `mostMs`, of which the upper
 * half is random, so that the processes of a fleet do not ask all at once. `random` is in [0, 1).
 */
export const backOffMs = (failuresBefore: number, random: number, limits: BackOffLimits = storeLimits): number => {
  const cappedMs = Math.min(limits.mostMs, limits.firstMs * 2 ** Math.min(failuresBefore, doublingsMax))
  return cappedMs / 2 + (random * cappedMs) / 2
}
