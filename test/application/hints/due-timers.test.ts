import { describe, expect, it } from 'vitest'
import { createDueTimers } from '#application/hints/due-timers.ts'
import { mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'

const setUp = () => {
  const world = createMemoryWorld()
  const due: number[] = []
  const timers = createDueTimers(world.timers, ({ readyAt }) => due.push(readyAt))
  const task = { taskId: mintTaskId(), route: { queue: 'default', type: 'work' }, priority: 0 }
  return { world, due, timers, task }
}

describe('a timer for a task that is due soon', () => {
  it('fires once at its instant, however often it was set', async () => {
    const { world, due, timers, task } = setUp()
    timers.set({ ...task, readyAt: 100 }, 100)
    timers.set({ ...task, readyAt: 100 }, 100)
    await world.advance(99)
    expect(due).toEqual([])
    await world.advance(1)
    expect(due).toEqual([100])
  })

  it('is set for each instant of a task that was rescheduled', async () => {
    const { world, due, timers, task } = setUp()
    timers.set({ ...task, readyAt: 100 }, 100)
    timers.set({ ...task, readyAt: 50 }, 50)
    await world.advance(100)
    expect(due).toEqual([50, 100])
  })

  it('is set again for an instant at which it has fired', async () => {
    const { world, due, timers, task } = setUp()
    timers.set({ ...task, readyAt: 100 }, 100)
    await world.advance(100)
    timers.set({ ...task, readyAt: 100 }, 50)
    await world.advance(50)
    expect(due).toEqual([100, 100])
  })

  it('never fires after the timers were closed, nor is one set then', async () => {
    const { world, due, timers, task } = setUp()
    timers.set({ ...task, readyAt: 100 }, 100)
    timers.close()
    timers.set({ ...task, readyAt: 200 }, 200)
    await world.advance(1_000)
    expect([due, world.time.pendingTimers()]).toEqual([[], 0])
  })

  it('is not set beside fifty thousand others, and again once one of them has fired', async () => {
    const { world, due, timers, task } = setUp()
    for (let readyAt = 1; readyAt <= 50_001; readyAt += 1) timers.set({ ...task, readyAt }, readyAt)
    expect(world.time.pendingTimers()).toBe(50_000)
    await world.advance(1)
    timers.set({ ...task, readyAt: 50_001 }, 50_000)
    expect([due, world.time.pendingTimers()]).toEqual([[1], 50_000])
    timers.close()
  })
})
