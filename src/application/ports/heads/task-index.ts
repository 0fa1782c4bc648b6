import type { TaskId } from '#domain/identifiers.ts'
import type { Head } from '#domain/task/head.ts'
import type { TaskStatus } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'

/** The read model over all heads. Derived: it may be rebuilt from the events at any time. */
export interface TaskIndex {
  /** Heads by descending task id, which is newest first. Throws StoreUnavailableError. */
  listHeads(query: HeadQuery): Promise<readonly Head[]>

  /** The heads that exist among up to 1000 ids. Throws StoreUnavailableError. */
  findHeads(taskIds: readonly TaskId[]): Promise<ReadonlyMap<TaskId, Head>>

  /**
   * The counts of the queues that have names, in order of name: up to `limit` (1..1001) after a name, from the first one on
   * without one. Throws StoreUnavailableError.
   */
  summarizeQueues(after: string | undefined, limit: number): Promise<readonly QueueSummary[]>

  /**
   * Makes the stored head equal to `head` if the stream still ends at `head.version`. Otherwise it does nothing: events have
   * been appended since, and `head` is old. Throws StoreUnavailableError.
   */
  repairHead(head: Head): Promise<'repaired' | 'unchanged'>
}

export interface HeadQuery {
  readonly status?: TaskStatus
  readonly queue?: string
  readonly type?: string
  /** Only tasks with a lower id: those that follow this one in the list. */
  readonly before?: TaskId
  /** Only tasks whose `Submitted` was recorded after this instant. */
  readonly submittedAfter?: Instant
  /** Only tasks whose `Submitted` was recorded before this instant. */
  readonly submittedBefore?: Instant
  /** 1..1000. */
  readonly limit: number
}

export interface QueueSummary {
  readonly queue: string
  /** Pending and due. */
  readonly ready: number
  /** Pending, not due, never tried. */
  readonly scheduled: number
  /** Pending, not due, tried before. */
  readonly retrying: number
  readonly running: number
  readonly failed: number
  /** Undefined when nothing is ready. */
  readonly oldestReadyAgeMs: number | undefined
}
