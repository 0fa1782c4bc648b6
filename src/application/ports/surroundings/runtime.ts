import type { Clock, Timers } from './clock.ts'
import type { Count } from './counts.ts'
import type { Random } from './identities.ts'
import type { Logger } from './logger.ts'

/** The surroundings that each long-lived part gets from its process: clock, timers, chance, log and metrics, as one thing. */
export interface Runtime {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
  readonly count: Count
}
