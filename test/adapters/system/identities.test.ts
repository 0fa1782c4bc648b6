import { describe, expect, it } from 'vitest'
import { createSystemIdentities } from '#adapters/system/identities.ts'
import { mintedAt } from '#domain/identifiers.ts'

describe('task ids', () => {
  it('rise, many within one millisecond', () => {
    const identities = createSystemIdentities({ now: () => 1_767_225_600_000 })
    const minted = Array.from({ length: 100_000 }, () => identities.mintTaskId())
    expect(minted).toEqual(minted.toSorted())
    expect(new Set(minted).size).toBe(minted.length)
  })

  it('rise even when the clock of the store steps back by some seconds', () => {
    let now = 1_767_225_600_000
    const identities = createSystemIdentities({ now: () => now })
    const before = identities.mintTaskId()
    now -= 9_000
    expect(identities.mintTaskId() > before).toBe(true)
  })

  it('are at most ten seconds ahead of a clock that steps back by more', () => {
    let now = 1_767_225_600_000
    const identities = createSystemIdentities({ now: () => now })
    identities.mintTaskId()
    now -= 10 * 86_400_000
    const minted = Array.from({ length: 1_000 }, () => identities.mintTaskId())
    expect(minted.map(mintedAt)).toEqual(minted.map(() => now))
    expect(minted).toEqual(minted.toSorted())
  })

  it('bear the time of the store, in a UUID of version 7', () => {
    const identities = createSystemIdentities({ now: () => 1_767_225_600_123 })
    const taskId = identities.mintTaskId()
    expect(mintedAt(taskId)).toBe(1_767_225_600_123)
    expect(taskId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('of two processes differ though they are minted at the same instant', () => {
    const [one, other] = [1, 2].map(() => createSystemIdentities({ now: () => 1_767_225_600_000 }))
    const minted = Array.from({ length: 1_000 }, () => [one?.mintTaskId(), other?.mintTaskId()]).flat()
    expect(new Set(minted).size).toBe(2_000)
  })
})

describe('append ids', () => {
  it('are UUIDs of version 8, unlike all others of their process and of the next', () => {
    const processes = [1, 2].map(() => createSystemIdentities({ now: () => 1_767_225_600_000 }))
    const minted = processes.flatMap((identities) => Array.from({ length: 10_000 }, () => identities.mintAppendId()))
    expect(new Set(minted).size).toBe(20_000)
    for (const appendId of minted) {
      expect(appendId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
  })
})
