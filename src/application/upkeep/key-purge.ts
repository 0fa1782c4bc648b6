import { createPeriodicLoop, type PeriodicLoop } from '../mechanisms/periodic-loop.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { ExclusiveWork } from '../ports/workers/exclusive-work.ts'
import { keyAgeMsMin, type SubmitKeys } from '../ports/events/submit-keys.ts'

interface Deps {
  readonly submitKeys: SubmitKeys
  readonly exclusiveWork: ExclusiveWork
  readonly runtime: Runtime
}

/** From one purge of the whole fleet to the next: `idle` after one that left no old key, `behind` after one that did. */
const everyMs = { idle: 600_000, behind: 1_000 }
const keysPerCallMax = 1_000
const callsPerPassMax = 100

/**
 * Forgets the submit keys that are older than `keyAgeMsMin`, in one process of the fleet at a time. A key is forgotten about
 * ten minutes after that age, later only while more than 100,000 keys a second reach it.
 */
export const createKeyPurge = ({ submitKeys, exclusiveWork, runtime }: Deps): PeriodicLoop => {
  let state: 'idle' | 'behind' = 'idle'

  const purge = async (signal: AbortSignal): Promise<void> => {
    for (let call = 0; call < callsPerPassMax && !signal.aborted; call += 1) {
      const forgotten = await submitKeys.purge(keyAgeMsMin, keysPerCallMax)
      state = forgotten < keysPerCallMax ? 'idle' : 'behind'
      if (state === 'idle') return
    }
  }

  return createPeriodicLoop(runtime, {
    name: 'key-purge',
    pass: async (signal) => {
      await exclusiveWork.tryTurn('key-purge', everyMs[state], () => purge(signal))
    },
    everyMs: () => everyMs[state],
  })
}
