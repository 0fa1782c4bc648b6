import { describe, expect, it } from 'vitest'
import { createServedLanes } from '#adapters/worker/prefetch/served-lanes.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { range } from '../../../support/task-builders.ts'

const named = (count: number): readonly string[] => range(count).map((place) => `q${place}`)

describe('the lanes of a pull', () => {
  it('are as few with thousands of named queues as a pull can look into, and all have their turn', () => {
    const { lanes } = createMemoryWorld()
    const served = createServedLanes(lanes, { types: new Set(['work']), queues: named(1_000) })
    const pulls = range(served.parts()).map(() => served.next())
    expect(Math.max(...pulls.map((pull) => pull.length))).toBe(256)
    expect(new Set(pulls.flat().map(({ queue }) => queue)).size).toBe(1_000)
  })

  it('are the same list at each pull as long as one takes them all', () => {
    const { lanes } = createMemoryWorld()
    const served = createServedLanes(lanes, { types: new Set(['a', 'b']), queues: undefined })
    expect(served.parts()).toBe(1)
    expect(served.next()).toBe(served.next())
  })
})
