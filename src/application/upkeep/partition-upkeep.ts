import { createPeriodicLoop, type PeriodicLoop } from '../mechanisms/periodic-loop.ts'
import type { SteadyClock } from '../mechanisms/steady-clock.ts'
import type { Partitions } from '../ports/events/partitions.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'

interface Deps {
  readonly partitions: Pick<Partitions, 'ensurePartitions'>
  readonly steadyClock: SteadyClock
  readonly runtime: Runtime
}

/** How often the clock is looked at, so that a leap is followed within 70 seconds: 60 of them the clock must be steady. */
const lookEveryMs = 5_000
const retryMs = 60_000
/** Partitions are looked at again when the clock shows another hour, whichever way it came there. */
const hourMs = 3_600_000

/** Makes the partitions of the three weeks from the clock on, hourly and after each step of it that lasts. */
export const createPartitionUpkeep = ({ partitions, steadyClock, runtime }: Deps): PeriodicLoop => {
  let lookedAt: number | undefined
  let everyMs = lookEveryMs
  return createPeriodicLoop(runtime, {
    name: 'partitions',
    pass: async () => {
      const now = steadyClock.settledNow()
      if (now === undefined || (lookedAt !== undefined && Math.abs(now - lookedAt) < hourMs)) return
      everyMs = retryMs
      await partitions.ensurePartitions(now)
      everyMs = lookEveryMs
      lookedAt = now
    },
    everyMs: () => everyMs,
  })
}
