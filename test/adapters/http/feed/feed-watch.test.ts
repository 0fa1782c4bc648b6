import { describe, expect, it } from 'vitest'
import { createFeedWatch } from '#adapters/http/feed/feed-watch.ts'
import type { FeedCursor, FeedReading } from '#application/ports/events/event-feed.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { submitMany } from '../../../support/task-builders.ts'

/** A watch over a feed in memory, whose reads come when the test lets them. */
const setUp = async (events: number) => {
  const world = createMemoryWorld()
  const start = await world.feed.latest()
  await submitMany(world, events)
  const closing = new AbortController()
  const mayRead = Promise.withResolvers<void>()
  let failure: Error | undefined
  const read = async (after: FeedCursor, limit: number): Promise<FeedReading> => {
    await mayRead.promise
    if (failure !== undefined) throw failure
    return world.feed.readAfter(after, limit)
  }
  const watch = createFeedWatch({ read, pollMs: 1, closing: closing.signal })
  const page = await world.feed.readAfter(start, events)
  if (page.kind !== 'page') throw new Error('the cursor was refused')
  return {
    start,
    cursors: page.events.map(({ cursor }) => cursor),
    follow: async (after: FeedCursor) => {
      const found = await watch.waitForEvents(after, closing.signal)
      return found === undefined || found === 'catch-up' ? found : found.events.map(({ cursor }) => cursor)
    },
    letRead: (error?: Error) => {
      failure = error
      mayRead.resolve()
    },
    close: () => closing.abort(),
  }
}

describe('followers that wait at the end of the feed', () => {
  it('get what lies after the place of each, though one has read further than the other', async () => {
    const { start, cursors, follow, letRead, close } = await setUp(4)
    const [, second = start] = cursors
    const found = Promise.all([follow(start), follow(second)])
    letRead()
    expect(await found).toEqual([cursors, cursors.slice(2)])
    close()
  })

  it('are all sent to read for themselves when the watch cannot go on', async () => {
    const { start, cursors, follow, letRead, close } = await setUp(2)
    const found = Promise.all([follow(start), follow(cursors[0] ?? start)])
    letRead(new Error('a stream cannot be read'))
    expect(await found).toEqual(['catch-up', 'catch-up'])
    close()
  })
})
