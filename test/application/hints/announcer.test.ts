import { describe, expect, it } from 'vitest'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { makeSubmission, submitTo } from '../../support/task-builders.ts'

const horizonMs = 3_000

const setUp = () => {
  const world = createMemoryWorld()
  const announcer = createReadyAnnouncer({ ...world, horizonMs })
  const pullAll = async () => {
    const route = { queue: '*', type: 'work' }
    const signal = new AbortController().signal
    return (await world.queue.pull({ routes: [route], max: 1_000, waitMs: 0, signal })).taskIds
  }
  const submitIn = (delayMs: number) => submitTo(world, makeSubmission({ queue: 'default', type: 'work' }), { delayMs })
  return { world, announcer, pullAll, submitIn }
}

describe('an announcement', () => {
  it('of a task whose timer has fired, but whose hint was lost, hints at it once more', async () => {
    const { world, announcer, pullAll, submitIn } = setUp()
    const task = await submitIn(1_000)
    announcer.announce(task)
    await world.advance(1_000)
    expect(await pullAll()).toEqual([task.taskId])
    // By a clock that is a little behind, as another process may know it: the timer for that instant is set again.
    announcer.announce(task, task.times.readyAt - 200)
    await world.advance(200)
    expect(await pullAll()).toEqual([task.taskId])
  })

  it('of a task that is due later than the horizon sets no timer', async () => {
    const { world, announcer, submitIn } = setUp()
    announcer.announce(await submitIn(horizonMs + 1))
    expect(world.time.pendingTimers()).toBe(0)
    announcer.announce(await submitIn(horizonMs))
    expect(world.time.pendingTimers()).toBe(1)
  })

  it('when it is closed, resolves only once the hints that wait are in the queue', async () => {
    const { world, announcer, pullAll, submitIn } = setUp()
    const task = await submitIn(0)
    announcer.announce(task)
    const closed = announcer.close()
    announcer.announce(task)
    await world.advance(0)
    await closed
    expect(await pullAll()).toEqual([task.taskId])
    expect(world.counts.total('hints-lost')).toBe(1)
  })
})

describe('hints that wait for a queue that takes none', () => {
  it('are twenty thousand at most, beside two pushes under way; the others are lost and counted', async () => {
    const world = createMemoryWorld()
    const pushed: number[] = []
    const latch = Promise.withResolvers<void>()
    const queue = {
      ...world.queue,
      push: async (hints: readonly unknown[]) => {
        await latch.promise
        pushed.push(hints.length)
      },
    }
    const announcer = createReadyAnnouncer({ ...world, queue, horizonMs: 2_000 })
    const announce = (count: number): void => {
      const task = { route: { queue: 'default', type: 'work' }, priority: 0, readyAt: world.storeClock.now() }
      for (let index = 0; index < count; index += 1) announcer.announceDue({ ...task, taskId: mintTaskId() })
    }
    announce(2_000)
    await world.advance(0)
    announce(20_003)
    expect(world.counts.total('hints-lost')).toBe(3)
    latch.resolve()
    await world.advance(0)
    expect([pushed.reduce((sum, count) => sum + count, 0), Math.max(...pushed)]).toEqual([22_000, 1_000])
    await announcer.close()
  })
})
