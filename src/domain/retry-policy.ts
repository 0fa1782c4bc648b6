/** How long to wait before the next attempt. `baseMs` 0..86,400,000; `baseMs` ≤ `maxMs` ≤ 604,800,000; both whole. */
export interface RetryPolicy {
  readonly strategy: 'exponential' | 'fixed'
  readonly baseMs: number
  readonly maxMs: number
  readonly jitter: 'full' | 'none'
}

/** The policy of a task for which neither its submission nor its type names one. */
export const defaultRetryPolicy: RetryPolicy = {
  strategy: 'exponential',
  baseMs: 1_000,
  maxMs: 3_600_000,
  jitter: 'full',
}

/**
 * The back-off after a failed attempt, in whole milliseconds.
 *
 * `attempt` counts from 1 since the task was last opened; `random` is in [0, 1) and is given, so that equal input gives an
 * equal delay. Exponential waits `baseMs × 2^(attempt − 1)`, fixed waits `baseMs`, both capped at `maxMs`. Full jitter then
 * draws evenly from 0 to that delay, ends included: it spreads simultaneous retries better than any narrower jitter
 * (Brooker, "Exponential Backoff and Jitter", 2015).
 */
export const retryDelayMs = (policy: RetryPolicy, attempt: number, random: number): number => {
  const growth = policy.strategy === 'exponential' ? 2 ** (attempt - 1) : 1
  const cappedMs = Math.min(policy.maxMs, policy.baseMs * growth)
  return policy.jitter === 'full' ? Math.floor(random * (cappedMs + 1)) : cappedMs
}
