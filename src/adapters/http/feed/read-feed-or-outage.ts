import { StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { FeedReading } from '#application/queries/read-feed.ts'

export type ReadFeed = (after: string, limit: number) => Promise<FeedReading>

/** How long a store that is away is left alone. */
export const outageMs = 1_000

/** Reads, and makes an answer of a store that is away. Throws whatever else goes wrong. */
export const readFeedOrOutage = async (
  read: ReadFeed,
  after: string,
  limit: number,
): Promise<FeedReading | { readonly kind: 'outage' }> => {
  try {
    return await read(after, limit)
  } catch (error) {
    if (isOutage(error)) return { kind: 'outage' }
    throw error
  }
}

export const isOutage = (error: unknown): boolean =>
  error instanceof StoreUnavailableError || error instanceof StoreOverloadedError
