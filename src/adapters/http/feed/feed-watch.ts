import { setTimeout as sleep } from 'node:timers/promises'
import type { FeedCursor } from '#application/ports/events/event-feed.ts'
import { parseFeedCursor } from '#application/queries/feed-cursor.ts'
import type { FeedReading } from '#application/queries/read-feed.ts'
import { isOutage, outageMs, type ReadFeed } from './read-feed-or-outage.ts'

/** One loop of queries at the end of the feed, for everybody in this process who has come that far. */
export interface FeedWatch {
  /** Up to where the loop has read: nothing is ever inserted before it. Undefined while nobody waits. */
  end(): string | undefined

  /**
   * Resolves with the events after `after`, which must not be before the end, when there are any; with `look-yourself` when
   * the loop cannot go on; with undefined when `signal` aborts.
   */
  waitForNews(after: string, signal: AbortSignal): Promise<FeedReading | 'look-yourself' | undefined>
}

interface Deps {
  readonly read: ReadFeed
  readonly pollMs: number
  /** Ends the loop. */
  readonly closing: AbortSignal
}

interface Follower {
  readonly after: string
  readonly tell: (news: FeedReading | 'look-yourself') => void
}

type Page = Extract<FeedReading, { readonly kind: 'page' }>

/** How many events one query of the loop may find. */
const eventsPerPollMax = 500

export const createFeedWatch = ({ read, pollMs, closing }: Deps): FeedWatch => {
  const followers = new Set<Follower>()
  let end: string | undefined
  let watching: Promise<void> | undefined

  /** Answers how long to wait before the next look. */
  const look = async (after: string): Promise<number> => {
    try {
      const page = await read(after, eventsPerPollMax)
      end = page.kind === 'page' ? page.next : undefined
      for (const follower of followers) {
        const news = page.kind === 'page' ? newsFor(follower.after, page) : 'look-yourself'
        if (news !== undefined) follower.tell(news)
      }
      // Where that much was found there is more.
      return page.kind === 'page' && page.items.length * 2 > eventsPerPollMax ? 0 : pollMs
    } catch (error) {
      if (isOutage(error)) return outageMs
      // Whoever looks meets the same error, and it becomes the end of that stream.
      end = undefined
      for (const follower of followers) follower.tell('look-yourself')
      return pollMs
    }
  }

  const watch = async (): Promise<void> => {
    for (let pauseMs = pollMs; ;) {
      await sleep(pauseMs, undefined, { signal: closing }).catch(() => {})
      if (closing.aborted || end === undefined || followers.size === 0) break
      pauseMs = await look(end)
    }
    end = undefined
    watching = undefined
  }

  return {
    end: () => end,
    waitForNews: (after, signal) => {
      end ??= after
      watching ??= watch()
      return new Promise((resolve) => {
        const leave = (news?: FeedReading | 'look-yourself'): void => {
          followers.delete(follower)
          signal.removeEventListener('abort', giveUp)
          resolve(news)
        }
        const giveUp = (): void => leave()
        const follower: Follower = { after, tell: leave }
        followers.add(follower)
        signal.addEventListener('abort', giveUp)
        if (signal.aborted) leave()
      })
    },
  }
}

const newsFor = (after: string, page: Page): Page | 'look-yourself' | undefined => {
  const [first] = page.items
  if (first === undefined) return undefined
  switch (placeOf(after, first.cursor)) {
    case 'before':
      return page
    case 'unrelated':
      return 'look-yourself'
    case 'not-before': {
      const items = page.items.filter(({ cursor }) => placeOf(after, cursor) === 'before')
      return items.length === 0 ? undefined : { ...page, items }
    }
  }
}

/** Where a cursor stands to another in the order of the feed. Those of different epochs have nothing to do with each other. */
export const placeOf = (text: string, otherText: string): 'before' | 'not-before' | 'unrelated' => {
  if (text === otherText) return 'not-before'
  const cursor = parseFeedCursor(text)
  const other = parseFeedCursor(otherText)
  if (cursor === undefined || other === undefined || cursor.epoch !== other.epoch) return 'unrelated'
  return isBefore(cursor, other) ? 'before' : 'not-before'
}

const isBefore = (cursor: FeedCursor, other: FeedCursor): boolean => {
  if (cursor.xid !== other.xid) return cursor.xid < other.xid
  return cursor.taskId === other.taskId ? cursor.version < other.version : cursor.taskId < other.taskId
}
