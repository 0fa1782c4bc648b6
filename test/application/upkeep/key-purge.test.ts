import { afterEach, describe, expect, it } from 'vitest'
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

const startPurge = (world: Parameters<typeof createKeyPurge>[0]): void => {
  const purge = createKeyPurge(world)
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

  it('goes on at once while there is more than one pass can forget', async () => {
    const world = await takeKeys(1)
    await world.advance(keyAgeMsMin + minuteMs)
    const calls: number[] = []
    let left = 250_000
    const submitKeys = {
      purge: async (ageMs: number, countMax: number) => {
        expect(ageMs).toBe(keyAgeMsMin)
        calls.push(countMax)
        const forgotten = Math.min(countMax, left)
        left -= forgotten
        return forgotten
      },
    }
    startPurge({ ...world, submitKeys })
    await world.advance(5_000)
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
