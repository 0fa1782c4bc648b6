import type { FeedCursor, FeedReading } from '#application/ports/events/event-feed.ts'
import { StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'

export type ReadFeed = (after: FeedCursor, limit: number) => Promise<FeedReading>

/** The store is away or overloaded. */
export interface Outage {
  readonly kind: 'outage'
}

/** How long to wait before a store that did not answer is asked again. */
export const outageMs = 1_000

/** Reads the feed; a store that is away or overloaded becomes a result. Throws every other error. */
export const readFeedOrOutage = async (
  read: ReadFeed,
  after: FeedCursor,
  limit: number,
): Promise<FeedReading | Outage> => {
  try {
    return await read(after, limit)
  } catch (error) {
    if (isOutage(error)) return { kind: 'outage' }
    throw error
  }
}

export const isOutage = (error: unknown): boolean =>
  error instanceof StoreUnavailableError || error instanceof StoreOverloadedError
