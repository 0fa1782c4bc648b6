import type { Instant } from '#domain/time.ts'

/** Where events of tasks yet to be submitted will be stored: a place for each week, made ahead of time. */
export interface Partitions {
  /**
   * Makes sure that there is a place for every task submitted within the next three weeks; cheap when there is. To be
   * called at the start of a process and daily: a task without a place cannot be submitted.
   *
   * Answers the instant up to which there is one. Idempotent, also by many processes at once. Throws StoreUnavailableError.
   */
  ensurePartitions(): Promise<Instant>
}
