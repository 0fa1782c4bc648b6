import { beforeEach, describe, expect, it } from 'vitest'
import { createQueueFloor, type QueueFloor } from '#adapters/postgres/queue/pull-floor.ts'

const everyMs = 1_000
let nowMs = 0
let floor: QueueFloor
beforeEach(() => {
  nowMs = 0
  floor = createQueueFloor(everyMs, () => nowMs)
})

const pull = (highest: number | undefined, routes: readonly number[] = [1]): number | undefined => {
  const begun = floor.begin(routes)
  begun.taken(highest)
  return begun.from
}

describe('a pull', () => {
  it('begins where the one before ended', () => {
    expect([pull(5), pull(8), pull(undefined), pull(9)]).toEqual([undefined, 5, 8, 8])
  })

  it('looks at all when it is for other routes, and when nobody has for a while', () => {
    pull(5)
    expect(pull(6, [1, 2])).toBeUndefined()
    expect(pull(7, [1, 2])).toBe(6)
    nowMs = everyMs
    expect(pull(8, [1, 2])).toBeUndefined()
    expect(pull(9, [1, 2])).toBe(8)
  })
})

describe('news', () => {
  it.each([
    ['lower it', 3, 3],
    ['do not raise it', 9, 5],
    ['have all looked at when they do not say how low', undefined, undefined],
  ])('%s', (_, lowest, from) => {
    pull(5)
    floor.heard(lowest)
    expect(pull(undefined)).toBe(from)
  })

  it('that come during a pull count for the next: it may have read past them', () => {
    pull(5)
    const begun = floor.begin([1])
    floor.heard(6)
    begun.taken(8)
    expect(pull(9)).toBe(6)
    expect(pull(9)).toBe(9)
  })

  it('that come during a pull and do not say how low have the next look at all', () => {
    pull(5)
    const begun = floor.begin([1])
    floor.heard(undefined)
    begun.taken(8)
    expect(pull(9)).toBeUndefined()
  })
})
