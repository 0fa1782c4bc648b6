import type { Clock, Timers } from './clock.ts'
import type { Count } from './counts.ts'
import type { Random } from './identities.ts'
import type { Logger } from './logger.ts'

/** What every long-lived part needs of the process that it lives in: one thing, because no part has just some of it. */
export interface Runtime {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
  readonly count: Count
}
