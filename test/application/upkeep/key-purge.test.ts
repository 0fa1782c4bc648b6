import { afterEach, describe, expect, it } from 'vitest'
import { createSteadyClock } from '#application/mechanisms/steady-clock.ts'
import type { StoreClock } from '#application/ports/surroundings/clock.ts'
import { keyAgeMsMin } from '#application/ports/events/submit-keys.ts'
import { createKeyPurge } from '#application/upkeep/key-purge.ts'
import { noTask } from '#domain/task/state.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { makeAppend, makeKey, range, submit } from '../../support/task-builders.ts'

const minuteMs = 60_000

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const takeKeys = async (count: number) => {
  const world = createMemoryWorld()
  for (const _ of range(count)) {
    await world.store.append(makeAppend(noTask, submit(), { key: makeKey() }))
  }
  return world
}

type PurgeDeps = Omit<Parameters<typeof createKeyPurge>[0], 'steadyClock'>

const startPurge = (world: PurgeDeps & { readonly storeClock: StoreClock }): void => {
  const steadyClock = createSteadyClock({
    monotonicMs: () => world.runtime.clock.monotonicMs(),
    storeNow: () => world.storeClock.now(),
  })
  const purge = createKeyPurge({ ...world, steadyClock })
  purge.start()
  closers.push(() => purge.close())
}

describe('the purge of keys', () => {
  it('keeps a key for two days, and little longer', async () => {
    const world = await takeKeys(3)
    startPurge(world)
    await world.advance(keyAgeMsMin)
    expect(world.database.submitKeys.size).toBe(3)
    await world.advance(10 * minuteMs)
    expect(world.database.submitKeys.size).toBe(0)
  })

  it('keeps a key of a minute ago when the clock leaps three days ahead for four seconds', async () => {
    const world = await takeKeys(1)
    startPurge(world)
    await world.advance(minuteMs + 9_000)
    const leap = (ms: number): void => world.time.setStoreClock(world.storeClock.now() + ms)
    for (let leaps = 0; leaps < 20; leaps += 1) {
      leap(1.5 * keyAgeMsMin)
      await world.advance(4_000)
      leap(-1.5 * keyAgeMsMin)
      await world.advance(1.37 * minuteMs)
    }
    expect(world.database.submitKeys.size).toBe(1)
  })

  it('goes on at once while there is more than one pass can forget', async () => {
    const world = await takeKeys(1)
    await world.advance(keyAgeMsMin + minuteMs)
    const calls: number[] = []
    let left = 250_000
    const submitKeys = {
      purge: async (takenBefore: number, countMax: number) => {
        expect(takenBefore).toBe(world.storeClock.now() - keyAgeMsMin)
        calls.push(countMax)
        const forgotten = Math.min(countMax, left)
        left -= forgotten
        return forgotten
      },
    }
    startPurge({ ...world, submitKeys })
    await world.advance(minuteMs + 15_000)
    expect(left).toBe(0)
    expect(Math.max(...calls)).toBeLessThanOrEqual(1_000)
  })

  it('is one process at a time', async () => {
    const world = await takeKeys(0)
    let calls = 0
    const submitKeys = { purge: () => Promise.resolve((calls += 1) * 0) }
    startPurge({ ...world, submitKeys })
    startPurge({ ...world, submitKeys })
    await world.advance(60 * minuteMs - 1)
    expect(calls).toBe(6)
  })
})
