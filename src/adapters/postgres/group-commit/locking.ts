import type { Clock } from '#application/ports/surroundings/clock.ts'

/**
 * How a batch takes heads. `optimistic` waits at most 20 ms for a head that another transaction holds and takes new heads to
 * be new; where it is wrong the batch fails as a whole, to be sent again. `skip-locked` never waits for a head: the append
 * to a held one is `busy`, and the others are stored.
 */
export type Locking = 'optimistic' | 'skip-locked'

/** What the choice for a batch goes by. */
interface LockedBatch {
  readonly locking: Locking
  readonly appends: readonly Risk[]
}

interface Risk {
  readonly busyDelayMs: number
  readonly fate: 'not-stored' | 'unknown'
}

/** Chooses how each batch of one process takes heads. */
export interface LockingChoice {
  /** Never less careful than the batch was before. */
  choose(batch: LockedBatch): Locking
  /** An optimistic batch was rolled back: where one head is held others may be. */
  noteRollback(): void
}

/**
 * Optimistic, but not for `skipLockedMs` after a batch was rolled back, so that a process waits for a held head at most once
 * in that time; nor for a batch that was rolled back itself, or has an append whose head was held a moment ago or that may
 * have been stored.
 */
export const createLockingChoice = (clock: Clock, skipLockedMs: number): LockingChoice => {
  let skipsUntilMs = Number.NEGATIVE_INFINITY
  return {
    choose: ({ locking, appends }) =>
      locking === 'skip-locked' || clock.monotonicMs() < skipsUntilMs || appends.some(isAtRisk)
        ? 'skip-locked'
        : 'optimistic',
    noteRollback: () => {
      skipsUntilMs = clock.monotonicMs() + skipLockedMs
    },
  }
}

const isAtRisk = ({ busyDelayMs, fate }: Risk): boolean => busyDelayMs > 0 || fate === 'unknown'
