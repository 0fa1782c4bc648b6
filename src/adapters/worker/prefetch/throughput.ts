import type { Clock } from '#application/ports/surroundings/clock.ts'

/** How fast slots come free. */
export interface Pace {
  /** One slot came free. */
  note(): void
  /** How many came free in the span of `paceSpanMs` before the present one, or in the present one if those are more. */
  perSpan(): number
}

/** About as long as it takes to pull and load the next batches on a busy store. */
const paceSpanMs = 20

export const createPace = (clock: Clock): Pace => {
  let span = 0
  let count = 0
  let countBefore = 0

  const turn = (): void => {
    const present = Math.floor(clock.monotonicMs() / paceSpanMs)
    if (present === span) return
    countBefore = present === span + 1 ? count : 0
    count = 0
    span = present
  }

  return {
    note: () => {
      turn()
      count += 1
    },
    perSpan: () => {
      turn()
      return Math.max(count, countBefore)
    },
  }
}
