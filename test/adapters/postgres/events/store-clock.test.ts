import { describe, expect, it } from 'vitest'
import { createEstimatedStoreClock } from '#adapters/postgres/events/store-clock.ts'

const start = 1_767_225_600_000
const dayMs = 86_400_000

const openClock = () => {
  let elapsedMs = 0
  let stepsMs = 0
  const clock = createEstimatedStoreClock(() => elapsedMs)
  return {
    clock,
    step: (ms: number) => {
      stepsMs += ms
    },
    /** A round trip that takes so long; the server looks at its clock half way. */
    ask: (tookMs: number) => {
      const sentAtMs = elapsedMs
      elapsedMs += tookMs
      clock.observe(Math.floor(start + stepsMs + sentAtMs + tookMs / 2), sentAtMs, elapsedMs)
    },
    errorMs: () => Math.abs(clock.now() - (start + stepsMs + elapsedMs)),
  }
}

describe('the estimate of the clock of the store', () => {
  it('keeps to the quickest round trip', () => {
    const { ask, errorMs } = openClock()
    ask(2)
    for (let asked = 0; asked < 100; asked += 1) ask(80)
    expect(errorMs()).toBeLessThanOrEqual(2)
  })

  it.each([45 * dayMs, -3 * 3_600_000, 2_000])(
    'follows a step of %i ms with the next answer, however slow',
    (stepMs) => {
      const { ask, step, errorMs } = openClock()
      ask(0.2)
      step(stepMs)
      ask(900)
      expect(errorMs()).toBeLessThanOrEqual(2)
      step(-stepMs)
      ask(900)
      expect(errorMs()).toBeLessThanOrEqual(2)
    },
  )
})
