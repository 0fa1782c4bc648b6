import { describe, expect, it } from 'vitest'
import { createLeaseWatch } from '#application/recovery/lease-watch.ts'
import type { Incarnation } from '#domain/identifiers.ts'
import { mintIncarnation } from '../../support/ids.ts'
import { range } from '../../support/task-builders.ts'

const incarnation = mintIncarnation()
const leaseMs = 9_000

interface Reading {
  readonly askedAtMs: number
  readonly answeredAtMs: number
  readonly beat: number | undefined
}

/** What the watch says after the last of the readings. */
const observe = (readings: readonly Reading[]) => {
  const watch = createLeaseWatch()
  let silent: readonly Incarnation[] = []
  for (const { beat, ...at } of readings) {
    silent = watch.observe({ ...at, watched: new Map([[incarnation, { beat, leaseMs }]]) })
  }
  return silent.length === 0 ? 'alive' : 'silent'
}

const at = (ms: number, beat: number | undefined): Reading => ({ askedAtMs: ms, answeredAtMs: ms, beat })

/** Readings of one beat, each answered in no time. */
const every = (stepMs: number, count: number, beat: number | undefined) =>
  range(count).map((step) => at(step * stepMs, beat))

describe('the watch over a lease', () => {
  it.each([
    ['the same beat over a whole lease', every(3_000, 4, 7), 'silent'],
    ['no row over a whole lease', every(3_000, 4, undefined), 'silent'],
    ['the same beat for less', every(2_900, 4, 7), 'alive'],
    ['readings too far apart', every(3_001, 10, 7), 'alive'],
    ['one gap in the middle', [...every(3_000, 3, 7), at(9_500, 7), at(12_000, 7), at(15_000, 7)], 'alive'],
    ['another beat at last', [...every(3_000, 3, 7), at(9_000, 8)], 'alive'],
    ['a beat, then a lease of silence', [at(0, 7), ...range(4).map((step) => at((step + 1) * 3_000, 8))], 'silent'],
  ])('takes %s for %s', (_, readings, verdict) => {
    expect(observe(readings)).toBe(verdict)
  })
})

describe('a reading whose answer is slow', () => {
  it('counts silence from when the first was answered: the beat may be as young as that', () => {
    const first = { askedAtMs: 0, answeredAtMs: 1_000, beat: 7 }
    expect(observe([first, at(3_000, 7), at(6_000, 7), at(9_000, 7)])).toBe('alive')
    expect(observe([first, at(3_000, 7), at(6_000, 7), at(9_000, 7), at(10_000, 7)])).toBe('silent')
  })

  it('counts silence until the last was asked for: the beat was read no later than that for sure', () => {
    const begun = [at(0, 7), at(3_000, 7), at(6_000, 7)]
    expect(observe([...begun, { askedAtMs: 8_900, answeredAtMs: 9_000, beat: 7 }])).toBe('alive')
    // The watch has gone on meanwhile: it was no gap that kept the worker alive.
    expect(observe([...begun, { askedAtMs: 8_900, answeredAtMs: 9_000, beat: 7 }, at(9_001, 7)])).toBe('silent')
  })

  it('makes a gap from when the one before was asked for until this one was answered', () => {
    const begun = [at(0, 7), at(3_000, 7), at(6_000, 7)]
    expect(observe([...begun, { askedAtMs: 8_900, answeredAtMs: 9_100, beat: 7 }, at(11_000, 7)])).toBe('alive')
    expect(observe([...begun, { askedAtMs: 8_900, answeredAtMs: 8_950, beat: 7 }, at(11_000, 7)])).toBe('silent')
  })
})
