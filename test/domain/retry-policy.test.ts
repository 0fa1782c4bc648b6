import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { defaultRetryPolicy, retryDelayMs, type RetryPolicy } from '#domain/retry-policy.ts'
import { anyChance, anyRetryPolicy } from './task/support/arbitraries.ts'

const withoutJitter: RetryPolicy = { strategy: 'exponential', baseMs: 1_000, maxMs: 10_000, jitter: 'none' }
const largestChance = 1 - 2 ** -53

describe('an exponential back-off', () => {
  test.each([
    { attempt: 1, delayMs: 1_000 },
    { attempt: 2, delayMs: 2_000 },
    { attempt: 3, delayMs: 4_000 },
    { attempt: 4, delayMs: 8_000 },
    { attempt: 5, delayMs: 10_000 },
    { attempt: 100, delayMs: 10_000 },
  ])('after attempt $attempt waits $delayMs ms', ({ attempt, delayMs }) => {
    expect(retryDelayMs(withoutJitter, attempt, 0.5)).toBe(delayMs)
  })

  test('without a base waits not at all', () => {
    expect(retryDelayMs({ ...withoutJitter, baseMs: 0 }, 100, 0.5)).toBe(0)
  })
})

describe('a fixed back-off', () => {
  test.each([1, 2, 100])('waits the same after attempt %i', (attempt) => {
    expect(retryDelayMs({ ...withoutJitter, strategy: 'fixed' }, attempt, 0.5)).toBe(1_000)
  })
})

describe('full jitter', () => {
  const jittered: RetryPolicy = { ...withoutJitter, jitter: 'full' }

  test.each([
    { random: 0, delayMs: 0 },
    { random: 0.5, delayMs: 1_000 },
    { random: 0.75, delayMs: 1_500 },
    { random: largestChance, delayMs: 2_000 },
  ])('draws $delayMs ms of 2000 for the chance $random', ({ random, delayMs }) => {
    expect(retryDelayMs(jittered, 2, random)).toBe(delayMs)
  })

  test('draws up to the cap and no further', () => {
    expect(retryDelayMs(jittered, 100, largestChance)).toBe(10_000)
  })

  test('of nothing is nothing', () => {
    expect(retryDelayMs({ ...jittered, baseMs: 0 }, 1, largestChance)).toBe(0)
  })

  test('draws every millisecond equally often', () => {
    const draws = 10_000
    const counts = new Map<number, number>()
    for (let draw = 0; draw < draws; draw += 1) {
      const delayMs = retryDelayMs({ ...jittered, baseMs: 4 }, 1, draw / draws)
      counts.set(delayMs, (counts.get(delayMs) ?? 0) + 1)
    }

    expect(Object.fromEntries(counts)).toEqual({ 0: 2_000, 1: 2_000, 2: 2_000, 3: 2_000, 4: 2_000 })
  })
})

describe('the policy of a task that names none', () => {
  test('grows from a second to an hour with full jitter', () => {
    expect(defaultRetryPolicy).toEqual({ strategy: 'exponential', baseMs: 1_000, maxMs: 3_600_000, jitter: 'full' })
  })
})

describe('any back-off', () => {
  test.prop([anyRetryPolicy, fc.integer({ min: 1, max: 100 }), anyChance])(
    'is a whole number from 0 to the cap',
    (policy, attempt, random) => {
      const delayMs = retryDelayMs(policy, attempt, random)

      expect(Number.isSafeInteger(delayMs)).toBe(true)
      expect(delayMs).toBeGreaterThanOrEqual(0)
      expect(delayMs).toBeLessThanOrEqual(policy.maxMs)
    },
  )

  test.prop([anyRetryPolicy, fc.integer({ min: 1, max: 99 }), anyChance])(
    'never shrinks from one attempt to the next, by the same chance',
    (policy, attempt, random) => {
      expect(retryDelayMs(policy, attempt + 1, random)).toBeGreaterThanOrEqual(retryDelayMs(policy, attempt, random))
    },
  )

  test.prop([anyRetryPolicy, fc.integer({ min: 1, max: 100 }), anyChance])(
    'with jitter is never longer than without',
    (policy, attempt, random) => {
      const capped = retryDelayMs({ ...policy, jitter: 'none' }, attempt, random)

      expect(retryDelayMs({ ...policy, jitter: 'full' }, attempt, random)).toBeLessThanOrEqual(capped)
    },
  )
})
