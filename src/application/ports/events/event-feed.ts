import type { TaskId } from '#domain/identifiers.ts'
import type { RecordedEvent } from '#domain/task/events.ts'

/**
 * Every event of every task in one order that never changes, in which the versions of a task never go back. It is not the
 * order of commits, and it lags: an event appears when no append that could still come before it is under way.
 *
 * For feeds, projections and exports only. Nothing that decides about tasks may depend on it.
 */
export interface EventFeed {
  /**
   * Up to `limit` (1..1000) events after `cursor`, or from the beginning; fewer, but at least one, when they are large. A
   * page without events means that the end is reached for now. Read on from `next`: no event is left out or repeated.
   *
   * A page ends before an event that this release cannot read; a page that would begin with one throws
   * UndecodableStreamError. Throws StoreUnavailableError.
   */
  readAfter(cursor: FeedCursor | undefined, limit: number): Promise<FeedReading>

  /** The cursor after the last event that can be read now. Throws StoreUnavailableError. */
  latest(): Promise<FeedCursor>

  /** The transaction that holds the feed back at this moment; undefined when none does. Throws StoreUnavailableError. */
  findBarrier(): Promise<FeedBarrier | undefined>
}

/** A position in the feed: after the event that it names, whether or not there is one. */
export interface FeedCursor {
  /** Names the sequence of transaction ids that `xid` belongs to. A store that was restored elsewhere has another. */
  readonly epoch: string
  /** The transaction of the append. */
  readonly xid: number
  readonly taskId: TaskId
  readonly version: number
}

export interface FeedEvent {
  /** After this event. */
  readonly cursor: FeedCursor
  readonly event: RecordedEvent
}

export interface FeedPage {
  readonly kind: 'page'
  readonly events: readonly FeedEvent[]
  /** Where to read on, also when there are no events yet. */
  readonly next: FeedCursor
}

export type FeedReading =
  | FeedPage
  /** The cursor is of another epoch, or names a transaction that this store has not reached: it lost its last commits. */
  | { readonly kind: 'unknown-cursor' }

/** A transaction that has begun to write and has not ended. The feed shows no later event, of any task, until it ends. */
export interface FeedBarrier {
  readonly xid: number
  /** Of the server process that runs it; undefined for a prepared transaction, which has none. */
  readonly pid: number | undefined
}

/** How many events one page may hold. */
export const eventsPerPageMax = 1_000
