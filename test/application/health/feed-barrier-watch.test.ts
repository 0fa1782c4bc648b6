import { describe, expect, it } from 'vitest'
import { createFeedBarrierWatch } from '#application/health/feed-barrier-watch.ts'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { FeedBarrier } from '#application/ports/events/event-feed.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'

const createSituation = () => {
  const world = createMemoryWorld()
  let found: FeedBarrier | 'away' | undefined
  const watch = createFeedBarrierWatch({
    ...world,
    feed: {
      ...world.feed,
      findBarrier: async () => {
        if (found === 'away') throw new StoreUnavailableError('away', 'not-stored')
        return found
      },
    },
  })
  watch.start()
  return {
    world,
    watch,
    set: (barrier: typeof found) => (found = barrier),
    warnings: () => world.logger.lines.filter((line) => line.message.includes('held back')),
  }
}

describe('a watch for what holds the feed back', () => {
  it('tells of a transaction that has not ended for five seconds, and logs it once', async () => {
    const { world, watch, set, warnings } = createSituation()
    set({ xid: 700, pid: 4_711 })
    await world.advance(6_000)
    expect(watch.read()).toBeUndefined()
    await world.advance(2_000)
    expect(watch.read()).toEqual({ xid: 700, pid: 4_711, heldBackMs: 6_000 })
    await world.advance(60_000)
    expect(warnings()).toMatchObject([{ level: 'warn', fields: { xid: 700, pid: 4_711 } }])
    set(undefined)
    await world.advance(2_000)
    expect(watch.read()).toBeUndefined()
    await watch.close()
    expect(world.time.pendingTimers()).toBe(0)
  })

  it('does not take a succession of short transactions for a long one', async () => {
    const { world, watch, set, warnings } = createSituation()
    for (let xid = 700; xid < 720; xid += 1) {
      set({ xid, pid: 4_711 })
      await world.advance(2_000)
    }
    expect(watch.read()).toBeUndefined()
    expect(warnings()).toEqual([])
    await watch.close()
  })

  it('goes on when the store was away', async () => {
    const { world, watch, set } = createSituation()
    set('away')
    await world.advance(10_000)
    set({ xid: 700, pid: undefined })
    await world.advance(10_000)
    expect(watch.read()).toMatchObject({ xid: 700, pid: undefined })
    await watch.close()
  })
})
