import { describe, expect, it } from 'vitest'
import { createDeadlines } from '#adapters/worker/run/deadlines.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'

/** Deadlines over entries that go once they have expired, as runs do that are given up on. */
const setUp = () => {
  const world = createMemoryWorld()
  const beganAtMs = world.clock.monotonicMs()
  const entries = new Set<{ readonly deadlineAtMs: number; expire(): void }>()
  const expired: { readonly name: string; readonly afterMs: number }[] = []
  const deadlines = createDeadlines({ ...world, entries: () => entries })
  const add = (name: string, afterMs: number) => {
    const entry = {
      deadlineAtMs: beganAtMs + afterMs,
      expire: () => {
        entries.delete(entry)
        expired.push({ name, afterMs: world.clock.monotonicMs() - beganAtMs })
      },
    }
    entries.add(entry)
    deadlines.watch(entry)
  }
  return { world, deadlines, add, expired }
}

describe('the deadlines of several runs', () => {
  it('are each met in turn by one timer, which is set again for the second', async () => {
    const { world, add, expired } = setUp()
    add('first', 1_000)
    add('second', 3_000)
    expect(world.time.pendingTimers()).toBe(1)
    await world.advance(10_000)
    expect(expired).toEqual([
      { name: 'first', afterMs: 1_000 },
      { name: 'second', afterMs: 3_000 },
    ])
    expect(world.time.pendingTimers()).toBe(0)
  })

  it('are met when a later run has an earlier one', async () => {
    const { world, add, expired } = setUp()
    add('long', 5_000)
    add('short', 1_000)
    await world.advance(1_000)
    expect(expired).toEqual([{ name: 'short', afterMs: 1_000 }])
    await world.advance(4_000)
    expect(expired.at(-1)).toEqual({ name: 'long', afterMs: 5_000 })
  })

  it('are met by none once they are closed', async () => {
    const { world, deadlines, add, expired } = setUp()
    add('only', 1_000)
    deadlines.close()
    await world.advance(10_000)
    expect([expired, world.time.pendingTimers()]).toEqual([[], 0])
  })
})
