import type { Instant } from '#domain/time.ts'

/** The partitions of events: one for the tasks submitted in each week, made ahead of time. */
export interface Partitions {
  /**
   * Makes the partitions of the next three weeks that are missing; cheap when none is. To be called at the start of a
   * process and daily: a task without a partition cannot be submitted.
   *
   * Answers the instant up to which partitions reach. Idempotent, also by many processes at once. Throws
   * StoreUnavailableError.
   */
  ensurePartitions(): Promise<Instant>
}
