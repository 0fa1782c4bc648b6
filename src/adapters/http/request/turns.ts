import { setImmediate as letOthersIn } from 'node:timers/promises'

/** Long work in turns: between two of them the event loop sees to everything else. */
export interface Turns {
  /** Whether the turn has taken its time. */
  isOver(): boolean
  /** Resolves when the next turn begins. */
  rest(): Promise<void>
}

/** Short beside what a caller waits for, long beside a look at the clock. */
const turnMs = 10

/** The first turn begins now. */
export const createTurns = (): Turns => {
  let endsAtMs = performance.now() + turnMs
  return {
    isOver: () => performance.now() >= endsAtMs,
    rest: async () => {
      await letOthersIn()
      endsAtMs = performance.now() + turnMs
    },
  }
}
