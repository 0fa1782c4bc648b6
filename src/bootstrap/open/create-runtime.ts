import { systemClock } from '#adapters/system/clock.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import type { Count } from '#application/ports/surroundings/counts.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'

/** The runtime of this process: the system's clock, timers and chance. Without `count` nothing is counted. */
export const createRuntime = (logger: Logger, count: Count = () => {}): Runtime => ({
  clock: systemClock,
  timers: systemTimers,
  random: Math.random,
  logger,
  count,
})
