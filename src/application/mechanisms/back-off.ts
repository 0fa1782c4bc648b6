/** Between which waits a back-off doubles, in milliseconds. */
export interface BackOffLimits {
  readonly firstMs: number
  readonly mostMs: number
}

/** For a store: a short outage is hardly noticed, and a long one costs one question every two seconds. */
const storeLimits: BackOffLimits = { firstMs: 50, mostMs: 2_000 }

/** 2^30 times any first wait is beyond every `mostMs`. */
const doublingsMax = 30

/**
 * How long to wait before something is asked again, in milliseconds: `firstMs` doubling to `mostMs`, of which the upper
 * half is left to chance, so that a fleet does not come back as one. `random` is in [0, 1).
 */
export const backOffMs = (failuresBefore: number, random: number, limits: BackOffLimits = storeLimits): number => {
  const cappedMs = Math.min(limits.mostMs, limits.firstMs * 2 ** Math.min(failuresBefore, doublingsMax))
  return cappedMs / 2 + (random * cappedMs) / 2
}
