import { setTimeout as sleep } from 'node:timers/promises'
import type { FeedCursor, FeedPage } from '#application/ports/events/event-feed.ts'
import { placeOf } from './feed-cursor.ts'
import { isOutage, outageMs, type ReadFeed } from './read-feed-or-outage.ts'

/** One loop of queries at the end of the feed, for all followers in this process that have caught up with it. */
export interface FeedWatch {
  /** The cursor that the loop has read up to: no event is ever inserted before it. Undefined while no follower waits. */
  end(): FeedCursor | undefined

  /**
   * Resolves with the events after `after`, which must not be before the end, as soon as there are any; with `catch-up`
   * when the loop cannot go on and the follower has to read for itself; with undefined when `signal` aborts.
   */
  waitForEvents(after: FeedCursor, signal: AbortSignal): Promise<FeedPage | 'catch-up' | undefined>
}

interface Deps {
  readonly read: ReadFeed
  readonly pollMs: number
  /** Ends the loop. */
  readonly closing: AbortSignal
}

interface Follower {
  readonly after: FeedCursor
  readonly resume: (found: FeedPage | 'catch-up') => void
}

/** How many events one query of the loop may find. */
const eventsPerPollMax = 500

export const createFeedWatch = ({ read, pollMs, closing }: Deps): FeedWatch => {
  const followers = new Set<Follower>()
  let end: FeedCursor | undefined
  let watching: Promise<void> | undefined

  /** Resolves with how long to wait before the next poll, in milliseconds. */
  const poll = async (after: FeedCursor): Promise<number> => {
    try {
      const reading = await read(after, eventsPerPollMax)
      end = reading.kind === 'page' ? reading.next : undefined
      for (const follower of followers) {
        const found = reading.kind === 'page' ? eventsFor(follower.after, reading) : 'catch-up'
        if (found !== undefined) follower.resume(found)
      }
      // A page that is more than half full suggests that more events are there already.
      return reading.kind === 'page' && reading.events.length * 2 > eventsPerPollMax ? 0 : pollMs
    } catch (error) {
      if (isOutage(error)) return outageMs
      // A follower that reads for itself meets the same error, which ends its stream.
      end = undefined
      for (const follower of followers) follower.resume('catch-up')
      return pollMs
    }
  }

  const watch = async (): Promise<void> => {
    for (let pauseMs = pollMs; ;) {
      await sleep(pauseMs, undefined, { signal: closing }).catch(() => {})
      if (closing.aborted || end === undefined || followers.size === 0) break
      pauseMs = await poll(end)
    }
    end = undefined
    watching = undefined
  }

  return {
    end: () => end,
    waitForEvents: (after, signal) => {
      end ??= after
      watching ??= watch()
      return new Promise((resolve) => {
        const leave = (found?: FeedPage | 'catch-up'): void => {
          followers.delete(follower)
          signal.removeEventListener('abort', giveUp)
          resolve(found)
        }
        const giveUp = (): void => leave()
        const follower: Follower = { after, resume: leave }
        followers.add(follower)
        signal.addEventListener('abort', giveUp)
        if (signal.aborted) leave()
      })
    },
  }
}

/** The events of a page that lie after `after`; undefined when there are none. */
const eventsFor = (after: FeedCursor, page: FeedPage): FeedPage | 'catch-up' | undefined => {
  const [first] = page.events
  if (first === undefined) return undefined
  switch (placeOf(after, first.cursor)) {
    case 'before':
      return page
    case 'unrelated':
      return 'catch-up'
    case 'not-before': {
      const events = page.events.filter(({ cursor }) => placeOf(after, cursor) === 'before')
      return events.length === 0 ? undefined : { kind: 'page', events, next: page.next }
    }
  }
}
