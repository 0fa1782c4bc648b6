import { beforeEach, describe, expect, it } from 'vitest'
import { createLowestRank, type LowestRank } from '#adapters/postgres/queue/pull-memory.ts'

const readAllEveryMs = 1_000
let nowMs = 0
let lowestRank: LowestRank
beforeEach(() => {
  nowMs = 0
  lowestRank = createLowestRank(readAllEveryMs, () => nowMs)
})

/** Pulls, and answers the rank at which the pull began to read. */
const pull = (highest: number | undefined, routes: readonly number[] = [1]): number | undefined => {
  const begun = lowestRank.beginPull(routes)
  begun.end(highest)
  return begun.fromRank
}

describe('a pull', () => {
  it('reads from where the one before it ended', () => {
    expect([pull(5), pull(8), pull(undefined), pull(9)]).toEqual([undefined, 5, 8, 8])
  })

  it('reads from the lowest rank when it is for other routes, and when no pull has done so for a second', () => {
    pull(5)
    expect(pull(6, [1, 2])).toBeUndefined()
    expect(pull(7, [1, 2])).toBe(6)
    nowMs = readAllEveryMs
    expect(pull(8, [1, 2])).toBeUndefined()
    expect(pull(9, [1, 2])).toBe(8)
  })
})

describe('a push', () => {
  it.each([
    ['below the rank that pulls read from lowers it', 3, 3],
    ['above the rank that pulls read from leaves it', 9, 5],
    ['of unknown ranks has the next pull read from the lowest', Number.NEGATIVE_INFINITY, undefined],
  ])('%s', (_, pushedRank, from) => {
    pull(5)
    lowestRank.onPushed(pushedRank)
    expect(pull(undefined)).toBe(from)
  })

  it('during a pull counts for the next one: the pull may have read past it', () => {
    pull(5)
    const begun = lowestRank.beginPull([1])
    lowestRank.onPushed(6)
    begun.end(8)
    expect(pull(9)).toBe(6)
    expect(pull(9)).toBe(9)
  })

  it('of unknown ranks during a pull has the next one read from the lowest', () => {
    pull(5)
    const begun = lowestRank.beginPull([1])
    lowestRank.onPushed(Number.NEGATIVE_INFINITY)
    begun.end(8)
    expect(pull(9)).toBeUndefined()
  })
})
