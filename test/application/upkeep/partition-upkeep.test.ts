import { afterEach, describe, expect, it } from 'vitest'
import { createSteadyClock } from '#application/mechanisms/steady-clock.ts'
import { createPartitionUpkeep } from '#application/upkeep/partition-upkeep.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'

const minuteMs = 60_000
const dayMs = 86_400_000

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const startUpkeep = (ensure: (at: number) => Promise<number> = async (at) => at) => {
  const world = createMemoryWorld()
  const begunAt = world.storeClock.now()
  const made: { readonly afterMs: number; readonly forDay: number }[] = []
  const steadyClock = createSteadyClock({
    monotonicMs: () => world.clock.monotonicMs(),
    storeNow: () => world.storeClock.now(),
  })
  const partitions = {
    ensurePartitions: (at: number): Promise<number> => {
      made.push({ afterMs: world.clock.monotonicMs(), forDay: Math.round((at - begunAt) / dayMs) })
      return ensure(at)
    },
  }
  const loop = createPartitionUpkeep({ partitions, steadyClock, runtime: world.runtime })
  loop.start()
  closers.push(() => loop.close())
  const leap = (ms: number): void => world.time.setStoreClock(world.storeClock.now() + ms)
  return { world, made, leap }
}

describe('the upkeep of partitions', () => {
  it('looks at them every hour, and a minute after a failure', async () => {
    let calls = 0
    const { world, made } = startUpkeep(async (at) => {
      calls += 1
      if (calls === 2) throw new Error('away')
      return at
    })
    await world.advance(70 * minuteMs)
    expect(made.map(({ afterMs }) => Math.round(afterMs / minuteMs))).toEqual([1, 61, 62])
  })

  it('makes none for a clock that leaps 45 days ahead for twenty seconds', async () => {
    const { world, made, leap } = startUpkeep()
    await world.advance(2 * minuteMs)
    leap(45 * dayMs)
    await world.advance(20_000)
    leap(-45 * dayMs)
    await world.advance(10 * minuteMs)
    expect(made.map(({ forDay }) => forDay)).toEqual([0])
  })

  it.each([45, -45])('makes those for a clock that steps by %i days for good, within 70 seconds', async (days) => {
    const { world, made, leap } = startUpkeep()
    await world.advance(2 * minuteMs)
    leap(days * dayMs)
    await world.advance(70_000)
    expect(made.map(({ forDay }) => forDay)).toEqual([0, days])
  })
})
