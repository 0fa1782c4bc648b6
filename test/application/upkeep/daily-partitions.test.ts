import { describe, expect, it } from 'vitest'
import { createDailyPartitions } from '#application/upkeep/daily-partitions.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'

describe('daily partitions', () => {
  it('are made at once and every day, and sooner again after a failure', async () => {
    const world = createMemoryWorld()
    const madeAtMs: number[] = []
    const ensurePartitions = async (): Promise<number> => {
      madeAtMs.push(world.clock.monotonicMs())
      if (madeAtMs.length === 2) throw new Error('away')
      return 0
    }
    const loop = createDailyPartitions({ partitions: { ensurePartitions }, runtime: world.runtime })
    loop.start()
    await world.advance(87_100_000)
    expect(madeAtMs).toEqual([0, 86_400_000, 87_000_000])
    await loop.close()
  })
})
