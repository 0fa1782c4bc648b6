import { createPeriodicLoop, type PeriodicLoop } from '../mechanisms/periodic-loop.ts'
import type { SteadyClock } from '../mechanisms/steady-clock.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { ExclusiveWork } from '../ports/workers/exclusive-work.ts'
import type { Instant } from '#domain/time.ts'
import { keyAgeMsMin, type SubmitKeys } from '../ports/events/submit-keys.ts'

interface Deps {
  readonly submitKeys: SubmitKeys
  readonly exclusiveWork: ExclusiveWork
  readonly steadyClock: SteadyClock
  readonly runtime: Runtime
}

/**
 * From one purge of the whole fleet to the next: `idle` after one that left no old key, `behind` after one that did; and until
 * the clock is looked at again while it is `unsettled`.
 */
const everyMs = { idle: 600_000, behind: 1_000, unsettled: 10_000 }
const keysPerCallMax = 1_000
const callsPerPassMax = 100

/**
 * Forgets the submit keys that are older than `keyAgeMsMin`, in one process of the fleet at a time. A key is forgotten about
 * ten minutes after that age, later only while more than 100,000 keys a second reach it. Nothing is forgotten while the
 * store's clock may have leaped: by a clock that is days ahead for seconds the keys of a minute ago are old.
 */
export const createKeyPurge = ({ submitKeys, exclusiveWork, steadyClock, runtime }: Deps): PeriodicLoop => {
  let state: keyof typeof everyMs = 'idle'

  const purge = async (takenBefore: Instant, signal: AbortSignal): Promise<void> => {
    for (let call = 0; call < callsPerPassMax && !signal.aborted; call += 1) {
      const forgotten = await submitKeys.purge(takenBefore, keysPerCallMax)
      state = forgotten < keysPerCallMax ? 'idle' : 'behind'
      if (state === 'idle') return
    }
  }

  return createPeriodicLoop(runtime, {
    name: 'key-purge',
    pass: async (signal) => {
      const now = steadyClock.settledNow()
      if (now === undefined) state = 'unsettled'
      else {
        const turnEveryMs = state === 'behind' ? everyMs.behind : everyMs.idle
        state = 'idle'
        await exclusiveWork.tryTurn('key-purge', turnEveryMs, () => purge(now - keyAgeMsMin, signal))
      }
    },
    everyMs: () => everyMs[state],
  })
}
