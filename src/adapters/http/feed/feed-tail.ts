import { setTimeout as sleep } from 'node:timers/promises'
import { createSemaphore } from '#application/mechanisms/semaphore.ts'
import type { FeedCursor, FeedReading } from '#application/ports/events/event-feed.ts'
import { placeOf } from './feed-cursor.ts'
import { createFeedWatch } from './feed-watch.ts'
import { type Outage, outageMs, readFeedOrOutage } from './read-feed-or-outage.ts'

/** The feed for its followers in this process, however many and however slow. */
export interface FeedTail {
  /**
   * The next events after `cursor`, as soon as there are any; undefined when `signal` aborts before. Read on from `next`,
   * no event is left out and none comes twice. A store that is away is asked again until it answers. Throws
   * UndecodableStreamError.
   */
  next(cursor: FeedCursor, signal: AbortSignal): Promise<FeedReading | undefined>

  /** One page, read when its turn comes: as `EventFeed.readAfter`. */
  read(cursor: FeedCursor | undefined, limit: number): Promise<FeedReading>
}

interface Deps {
  readonly read: (after: FeedCursor | undefined, limit: number) => Promise<FeedReading>
  /** How often the end of the feed is read. Default: 250 ms. */
  readonly pollMs?: number | undefined
  /** Ends the watch at the end of the feed; each follower has a signal of its own. */
  readonly closing: AbortSignal
}

const pollMsDefault = 250
const eventsPerReadMax = 200
/**
 * How many pages may be read at once, for whomever: a page is the heaviest read there is, and the connections of the process
 * serve everything else, too.
 */
const readersMax = 2

/**
 * A follower that has fallen behind reads for itself until it has caught up; from then on it gets the events that the one
 * watch at the end finds, which reads each event once however many followers there are.
 */
export const createFeedTail = ({ read, pollMs = pollMsDefault, closing }: Deps): FeedTail => {
  const watch = createFeedWatch({ read, pollMs, closing })
  const readers = createSemaphore(readersMax)

  /** Resolves with events, or with an empty page whose `next` is the place at the end from which to wait for more. */
  const catchUp = async (cursor: FeedCursor, signal: AbortSignal): Promise<FeedReading> => {
    for (let after = cursor; ;) {
      const end = watch.end()
      const reading = await readers.run<FeedReading | Outage>(() =>
        // Whoever has gone while waiting costs no read.
        signal.aborted
          ? Promise.resolve({ kind: 'page', events: [], next: after })
          : readFeedOrOutage(read, after, eventsPerReadMax),
      )
      if (reading.kind === 'outage') {
        await sleep(outageMs, undefined, { signal }).catch(() => {})
        if (signal.aborted) return { kind: 'page', events: [], next: after }
        continue
      }
      if (reading.kind === 'unknown-cursor' || reading.events.length > 0) return reading
      // The read found nothing, so nothing lies between `after` and the end as it was before the read.
      after = end !== undefined && placeOf(reading.next, end) === 'before' ? end : reading.next
      if (signal.aborted || !isBehind(after)) return { kind: 'page', events: [], next: after }
    }
  }

  const isBehind = (after: FeedCursor): boolean => {
    const end = watch.end()
    return end !== undefined && placeOf(after, end) === 'before'
  }

  const next = async (cursor: FeedCursor, signal: AbortSignal): Promise<FeedReading | undefined> => {
    let after = cursor
    let found: FeedReading | 'catch-up' | undefined
    do {
      if (signal.aborted) return undefined
      if (found === 'catch-up' || watch.end() === undefined || isBehind(after)) {
        const reading = await catchUp(after, signal)
        if (reading.kind === 'unknown-cursor' || reading.events.length > 0) return reading
        after = reading.next
      }
      found = await watch.waitForEvents(after, signal)
    } while (found === 'catch-up')
    return found
  }

  return { next, read: (cursor, limit) => readers.run(() => read(cursor, limit)) }
}
