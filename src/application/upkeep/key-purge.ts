import { createPeriodicLoop, type PeriodicLoop } from '../mechanisms/periodic-loop.ts'
import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import type { ExclusiveWork } from '../ports/workers/exclusive-work.ts'
import { keyAgeMsMin, type SubmitKeys } from '../ports/events/submit-keys.ts'

interface Deps {
  readonly submitKeys: SubmitKeys
  readonly exclusiveWork: ExclusiveWork
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

/** Between two passes of the whole fleet, and how soon the next begins after one that left keys behind. */
const everyMs = { idle: 600_000, behind: 1_000 }
const keysPerCallMax = 1_000
const callsPerPassMax = 100

/**
 * Forgets the keys of submissions that are old enough, some at a time, in one process of the fleet. A key is kept for as
 * long as was promised and at most some minutes longer, unless more than a hundred thousand a second grow old.
 */
export const createKeyPurge = (deps: Deps): PeriodicLoop => {
  let state: 'idle' | 'behind' = 'idle'

  const purge = async (signal: AbortSignal): Promise<void> => {
    for (let call = 0; call < callsPerPassMax && !signal.aborted; call += 1) {
      const forgotten = await deps.submitKeys.purge(keyAgeMsMin, keysPerCallMax)
      state = forgotten < keysPerCallMax ? 'idle' : 'behind'
      if (state === 'idle') return
    }
  }

  return createPeriodicLoop(deps, {
    name: 'key-purge',
    pass: async (signal) => {
      await deps.exclusiveWork.tryTurn('key-purge', everyMs[state], () => purge(signal))
    },
    everyMs: () => everyMs[state],
  })
}
