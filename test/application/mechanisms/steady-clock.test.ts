import { describe, expect, it } from 'vitest'
import { createSteadyClock } from '#application/mechanisms/steady-clock.ts'

const dayMs = 86_400_000
const start = 1_767_225_600_000

/** A clock that is asked every second. */
const watch = () => {
  let elapsedMs = 0
  let stepsMs = 0
  const clock = createSteadyClock({ monotonicMs: () => elapsedMs, storeNow: () => start + elapsedMs + stepsMs })
  return {
    clock,
    /** How far it is from where it would be without any step. */
    offset: () => clock.now() - start - elapsedMs,
    step: (ms: number) => {
      stepsMs += ms
    },
    pass: (ms: number) => {
      for (const endMs = elapsedMs + ms; elapsedMs < endMs; elapsedMs += 1_000) clock.now()
    },
  }
}

describe('a steady clock', () => {
  it('takes no notice of a leap ahead that lasts for seconds', () => {
    const { clock, offset, step, pass } = watch()
    pass(120_000)
    expect(clock.settledNow()).toBe(clock.now())
    step(3 * dayMs)
    pass(4_000)
    expect(offset()).toBe(0)
    expect(clock.settledNow()).toBe(undefined)
    step(-3 * dayMs)
    pass(59_000)
    expect(clock.settledNow()).toBe(undefined)
    pass(2_000)
    expect(clock.settledNow()).toBe(clock.now())
    expect(offset()).toBe(0)
  })

  it('follows a leap that lasts for a minute', () => {
    const { clock, offset, step, pass } = watch()
    step(3 * dayMs)
    pass(59_000)
    expect(offset()).toBe(0)
    pass(3_000)
    expect(offset()).toBe(3 * dayMs)
    expect(clock.settledNow()).toBe(clock.now())
  })

  it('follows a step back at once, and is not sure of it for a minute', () => {
    const { clock, offset, step, pass } = watch()
    pass(120_000)
    step(-3 * dayMs)
    expect(offset()).toBe(-3 * dayMs)
    expect(clock.settledNow()).toBe(undefined)
    pass(61_000)
    expect(clock.settledNow()).toBe(clock.now())
  })

  it('is not sure of a clock that it has watched for less than a minute', () => {
    const { clock, pass } = watch()
    expect(clock.settledNow()).toBe(undefined)
    pass(61_000)
    expect(clock.settledNow()).toBe(clock.now())
  })

  it('goes with a clock that is adjusted by a little', () => {
    const { clock, offset, step, pass } = watch()
    pass(120_000)
    step(400)
    expect(offset()).toBe(400)
    expect(clock.settledNow()).toBe(clock.now())
  })
})
