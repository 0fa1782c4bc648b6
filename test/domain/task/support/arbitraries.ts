import fc from 'fast-check'
import type { RetryPolicy } from '#domain/retry-policy.ts'
import type { Submission } from '#domain/task/events.ts'
import type { Due } from '#domain/time.ts'
import { epoch, submission } from './task-facts.ts'

/** A number in [0, 1); the ends of the range come more often than others. */
export const anyChance = fc.oneof(
  fc.constantFrom(0, 0.5, 1 - 2 ** -53),
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
)

/** Every policy that may be submitted. */
export const anyRetryPolicy: fc.Arbitrary<RetryPolicy> = fc
  .record({
    strategy: fc.constantFrom('exponential' as const, 'fixed' as const),
    maxMs: fc.oneof(fc.constantFrom(0, 1, 604_800_000), fc.nat(604_800_000)),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    jitter: fc.constantFrom('full' as const, 'none' as const),
  })
  .map(({ share, ...policy }) => ({ ...policy, baseMs: Math.min(86_400_000, Math.floor(policy.maxMs * share)) }))

/** Submissions with few attempts, so that short histories use them up. */
export const anySubmission: fc.Arbitrary<Submission> = fc
  .record({
    maxAttempts: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.constant(100)),
    priority: fc.integer({ min: -100, max: 100 }),
    timeoutMs: fc.integer({ min: 1, max: 86_400_000 }),
    retry: anyRetryPolicy,
  })
  .map((values) => ({ ...submission, ...values }))

/** Due at once, later, in the past, or in years. */
export const anyDue: fc.Arbitrary<Due> = fc.oneof(
  fc.constant({ delayMs: 0 }),
  fc.nat(10_000).map((delayMs) => ({ delayMs })),
  fc.integer({ min: -10_000, max: 10_000 }).map((ms) => ({ runAt: epoch + ms })),
  fc.constant({ runAt: epoch + 315_576_000_000 }),
)
