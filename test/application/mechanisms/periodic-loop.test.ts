import { describe, expect, it } from 'vitest'
import { createPeriodicLoop } from '#application/mechanisms/periodic-loop.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'

describe('a loop of passes', () => {
  it('begins them at their interval, however long each takes', async () => {
    const world = createMemoryWorld()
    const begunAtMs: number[] = []
    const pass = (): Promise<void> => {
      begunAtMs.push(world.clock.monotonicMs())
      return world.timers.sleep(300)
    }
    const loop = createPeriodicLoop(world, { name: 'test', pass, everyMs: () => 1_000 })
    loop.start()
    loop.start()
    await world.advance(2_500)
    expect(begunAtMs).toEqual([0, 1_000, 2_000])
    await loop.close()
  })

  it('goes on after a pass that failed, and logs an outage when it begins and when it is over', async () => {
    const world = createMemoryWorld()
    let passes = 0
    const pass = async (): Promise<void> => {
      passes += 1
      if (passes >= 2 && passes <= 4) throw new Error('away')
    }
    const loop = createPeriodicLoop(world, { name: 'test', pass, everyMs: () => 1_000 })
    loop.start()
    await world.advance(10_000)
    expect(passes).toBe(11)
    expect(world.logger.lines.map(({ level }) => level)).toEqual(['warn', 'info'])
    await loop.close()
  })

  it('waits for the pass under way when it is closed, and begins no other', async () => {
    const world = createMemoryWorld()
    let state: 'none' | 'under-way' | 'over' = 'none'
    const pass = async (): Promise<void> => {
      state = 'under-way'
      await world.timers.sleep(500)
      state = 'over'
    }
    const loop = createPeriodicLoop(world, { name: 'test', pass, everyMs: () => 1_000 })
    loop.start()
    await world.advance(100)
    expect(state).toBe('under-way')
    const closed = loop.close()
    await world.advance(500)
    await closed
    expect([state, world.time.pendingTimers()]).toEqual(['over', 0])
  })
})
