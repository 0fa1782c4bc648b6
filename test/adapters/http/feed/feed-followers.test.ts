import { afterEach, describe, expect, test } from 'vitest'
import type { EventFeed } from '#application/ports/events/event-feed.ts'
import { parseTaskId } from '#domain/identifiers.ts'
import { createFeedWorlds, seenBy, submitInTurn as submit } from '../support/feed-worlds.ts'

const { open, close } = createFeedWorlds()
afterEach(close)

describe('a stream that cannot go on', () => {
  test('ends when the store was replaced by another copy, whose feed does not know the cursor', async () => {
    let restored = false
    const { world, follow } = await open({
      wrapFeed: (feed) => ({
        ...feed,
        readAfter: async (cursor, limit) =>
          restored && cursor !== undefined ? { kind: 'unknown-cursor' } : feed.readAfter(cursor, limit),
      }),
    })
    const [id] = await submit(world, 1)
    const source = await follow()
    await expect.poll(() => seenBy(source)).toStrictEqual([id])
    restored = true
    await source.ended
    const refused = await follow({ lastEventId: source.messages[0]?.id })
    expect([refused.status, JSON.parse(refused.body).code]).toStrictEqual([400, 'invalid-cursor'])
  })

  test('gives every event before one that cannot be read, and logs the error', async () => {
    let isHeld = false
    const { world, follow } = await open({
      wrapFeed: (feed) => ({
        ...feed,
        readAfter: async (cursor, limit) =>
          isHeld && cursor !== undefined ? { kind: 'page', events: [], next: cursor } : feed.readAfter(cursor, limit),
      }),
    })
    const [early] = await submit(world, 1)
    const source = await follow()
    await expect.poll(() => seenBy(source)).toStrictEqual([early])
    isHeld = true
    const [readable, damaged = ''] = await submit(world, 2)
    world.memory.database.undecodable.add(parseTaskId(damaged))
    isHeld = false
    await source.ended
    expect(seenBy(source)).toStrictEqual([early, readable])
    expect(world.memory.logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })
})

describe('many followers', () => {
  test('get events from one query once they have caught up', async () => {
    const reads = { all: 0, fruitful: 0 }
    const { world, follow } = await open({ wrapFeed: (feed) => counted(feed, reads) })
    const early = await submit(world, 5)
    const all = await Promise.all(Array.from({ length: 20 }, () => follow()))
    for (const source of all) await expect.poll(() => seenBy(source)).toStrictEqual(early)
    // Each has read once more, found nothing, and waits with the others.
    await expect.poll(() => reads.all).toBeGreaterThan(60)
    const before = reads.fruitful
    const [last] = await submit(world, 1)
    for (const source of all) await expect.poll(() => seenBy(source)).toStrictEqual([...early, last])
    expect(reads.fruitful - before).toBeLessThan(5)
  })

  test('are not held up by one that does not read, for which little is read ahead', { timeout: 60_000 }, async () => {
    const reads = { all: 0, fruitful: 0 }
    const { world, follow } = await open({ wrapFeed: (feed) => counted(feed, reads) })
    const payload = 'x'.repeat(40_000)
    const ids: string[] = []
    for (let made = 0; made < 3_000; made += 1) {
      ids.push((await world.operations.submit({ type: 'a', payload: `"${payload}"` }, {})).task.taskId)
    }
    const slow = await follow()
    slow.pause()
    const quick = await follow()
    await expect.poll(() => seenBy(quick).length, { timeout: 30_000 }).toBe(ids.length)
    // Pages of 200: the quick one took fifteen, the slow one what fits into the buffers of the kernel.
    expect(reads.fruitful).toBeLessThan(15 + 8)
    slow.resume()
    await expect.poll(() => seenBy(slow).length, { timeout: 30_000 }).toBe(ids.length)
    expect(seenBy(slow)).toStrictEqual(ids)
  })
})

const counted = (feed: EventFeed, reads: { all: number; fruitful: number }): EventFeed => ({
  ...feed,
  readAfter: async (cursor, limit) => {
    const page = await feed.readAfter(cursor, limit)
    reads.all += 1
    if (page.kind === 'page' && page.events.length > 0) reads.fruitful += 1
    return page
  },
})
