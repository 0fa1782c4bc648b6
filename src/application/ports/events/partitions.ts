import type { Instant } from '#domain/time.ts'

/** The partitions of events: one for the tasks submitted in each week, made ahead of time. */
export interface Partitions {
  /**
   * Makes those partitions that are missing from the day before `at` until three weeks after it; cheap when none is. To be
   * called at the start of a process, hourly, and after each step of the clock: a task without a partition cannot be submitted.
   *
   * Answers the instant up to which partitions reach. Idempotent, also by many processes at once. Throws
   * StoreUnavailableError.
   */
  ensurePartitions(at: Instant): Promise<Instant>
}
