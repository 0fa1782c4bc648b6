import type { RecordedEvent } from '#domain/task/events.ts'
import type { EventFeed } from '../ports/events/event-feed.ts'
import { formatFeedCursor, parseFeedCursor } from './feed-cursor.ts'

export type FeedReading =
  /** `next` is where to read on; no items mean that the end is reached for now. */
  | { readonly kind: 'page'; readonly items: readonly FeedItem[]; readonly next: string }
  /** No cursor of this feed: malformed, or of another copy of the database. */
  | { readonly kind: 'invalid-cursor' }

export interface FeedItem {
  /** Resumes after this event. */
  readonly cursor: string
  readonly event: RecordedEvent
}

/**
 * Up to `limit` (1..1000) events after a cursor, from the beginning when there is none, from now on after `latest`.
 * Throws as `readAfter` of the port does.
 */
export const readFeed = async (feed: EventFeed, after: string | undefined, limit: number): Promise<FeedReading> => {
  if (after === 'latest') return { kind: 'page', items: [], next: formatFeedCursor(await feed.latest()) }
  const cursor = after === undefined ? undefined : parseFeedCursor(after)
  if (after !== undefined && cursor === undefined) return { kind: 'invalid-cursor' }
  const page = await feed.readAfter(cursor, limit)
  if (page.kind === 'unknown-cursor') return { kind: 'invalid-cursor' }
  return {
    kind: 'page',
    items: page.events.map(({ cursor: at, event }) => ({ cursor: formatFeedCursor(at), event })),
    next: formatFeedCursor(page.next),
  }
}
