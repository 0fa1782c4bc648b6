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
   * Up to `limit` (1..1000) events after `cursor`, or from the beginning; fewer, but one at least, when they are large. None
   * means that the end is reached for now. Read on from `next`, nothing is left out and nothing comes twice.
   *
   * An event that this release cannot read ends a page before it, and throws UndecodableStreamError when it would be the
   * first. Throws StoreUnavailableError.
   */
  readAfter(cursor: FeedCursor | undefined, limit: number): Promise<FeedReading>

  /** After everything that can be read now. Throws StoreUnavailableError. */
  latest(): Promise<FeedCursor>

  /** Who keeps the feed from going on at this moment, if anybody does. Throws StoreUnavailableError. */
  findBarrier(): Promise<FeedBarrier | undefined>
}

/** A position in the feed: after the event that it names, whether or not there is one. */
export interface FeedCursor {
  /** Names the line of transactions that `xid` counts in. A store that was restored elsewhere has another. */
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
  /** The cursor is of another epoch, or of a future that this store has lost. */
  | { readonly kind: 'unknown-cursor' }

/** A transaction that has begun to write and has not ended. Everything after it waits, appends of others included. */
export interface FeedBarrier {
  readonly xid: number
  /** Of the server process that runs it; undefined for a prepared transaction, which has none. */
  readonly pid: number | undefined
}

/** How many events one page may hold. */
export const eventsPerPageMax = 1_000
