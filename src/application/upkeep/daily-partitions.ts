import type { Partitions } from '../ports/events/partitions.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import { createPeriodicLoop, type PeriodicLoop } from '../mechanisms/periodic-loop.ts'

interface Deps {
  readonly partitions: Pick<Partitions, 'ensurePartitions'>
  readonly runtime: Runtime
}

const dayMs = 86_400_000
const retryMs = 600_000

/** Makes the partitions of the next three weeks at once and then daily; after a failure it tries again within ten minutes. */
export const createDailyPartitions = ({ partitions, runtime }: Deps): PeriodicLoop => {
  let everyMs = retryMs
  return createPeriodicLoop(runtime, {
    name: 'partitions',
    pass: async () => {
      everyMs = retryMs
      await partitions.ensurePartitions()
      everyMs = dayMs
    },
    everyMs: () => everyMs,
  })
}
