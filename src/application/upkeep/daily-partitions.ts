import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import { createPeriodicLoop, type PeriodicLoop } from '../mechanisms/periodic-loop.ts'

interface Deps {
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

const dayMs = 86_400_000
const retryMs = 600_000

/** Makes the partitions of the coming weeks every day, beginning at once; after a failure again within ten minutes. */
export const createDailyPartitions = (deps: Deps, ensure: () => Promise<unknown>): PeriodicLoop => {
  let everyMs = retryMs
  return createPeriodicLoop(deps, {
    name: 'partitions',
    pass: async () => {
      everyMs = retryMs
      await ensure()
      everyMs = dayMs
    },
    everyMs: () => everyMs,
  })
}
