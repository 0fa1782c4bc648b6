import { setTimeout as sleep } from 'node:timers/promises'
import { createSemaphore } from '#application/mechanisms/semaphore.ts'
import type { FeedReading } from '#application/queries/read-feed.ts'
import { createFeedWatch, placeOf } from './feed-watch.ts'
import { outageMs, type ReadFeed, readFeedOrOutage } from './read-feed-or-outage.ts'

/** The feed for those who follow it in this process, however many and however slow. */
export interface FeedTail {
  /**
   * The next events after `cursor`, as soon as there are any; undefined when `signal` aborts before. Read on from `next`,
   * nothing is left out and nothing comes twice. A store that is away is waited for. Throws UndecodableStreamError.
   */
  next(cursor: string, signal: AbortSignal): Promise<FeedReading | undefined>
}

interface Deps {
  readonly read: ReadFeed
  /** How often the end is looked at. */
  readonly pollMs?: number | undefined
  /** Ends the watch at the end; whoever follows has a signal of its own. */
  readonly closing: AbortSignal
}

const pollMsDefault = 250
const eventsPerReadMax = 200
/** How many who have fallen behind may ask the store at once. */
const readersMax = 4

/**
 * Whoever has fallen behind reads for itself until it has caught up; from then on it is told what the one watch at the end
 * finds, which reads each event once however many follow.
 */
export const createFeedTail = ({ read, pollMs = pollMsDefault, closing }: Deps): FeedTail => {
  const watch = createFeedWatch({ read, pollMs, closing })
  const readers = createSemaphore(readersMax)

  /** Answers with events, or with the place at the end from which to wait for more. */
  const catchUp = async (cursor: string, signal: AbortSignal): Promise<FeedReading> => {
    for (let after = cursor; ;) {
      const end = watch.end()
      const page = await readers.run(() => readFeedOrOutage(read, after, eventsPerReadMax))
      if (page.kind === 'outage') {
        await sleep(outageMs, undefined, { signal }).catch(() => {})
        if (signal.aborted) return { kind: 'page', items: [], next: after }
        continue
      }
      if (page.kind === 'invalid-cursor' || page.items.length > 0) return page
      // There was nothing, so nothing lies between here and the end as it was before.
      after = end !== undefined && placeOf(page.next, end) === 'before' ? end : page.next
      if (signal.aborted || !isBehind(after)) return { ...page, next: after }
    }
  }

  const isBehind = (after: string): boolean => {
    const end = watch.end()
    return end !== undefined && placeOf(after, end) === 'before'
  }

  const next = async (cursor: string, signal: AbortSignal): Promise<FeedReading | undefined> => {
    let after = cursor
    let news: FeedReading | 'look-yourself' | undefined
    do {
      if (signal.aborted) return undefined
      if (news === 'look-yourself' || watch.end() === undefined || isBehind(after)) {
        const page = await catchUp(after, signal)
        if (page.kind === 'invalid-cursor' || page.items.length > 0) return page
        after = page.next
      }
      news = await watch.waitForNews(after, signal)
    } while (news === 'look-yourself')
    return news
  }

  return { next }
}
