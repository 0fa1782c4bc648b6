import type { DatabasePool } from 'slonik'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { PulledHints } from '#application/ports/queue/task-queue.ts'
import { createDeadRowsWatch, type DeadRowsLimits, deadRowsLimits } from './dead-rows.ts'
import { createQueueFloor, lookAtAllEveryMs } from './pull-floor.ts'
import { createLeftEstimates } from './left-estimates.ts'
import { pullHints } from './statements.ts'
import type { PostgresListener } from '../notifications/listener.ts'

/** Takes hints from the table, with what is remembered from one taking to the next. */
export interface Taking {
  /** Up to `max` of the lowest of these routes. Throws StoreUnavailableError. */
  take(routes: readonly number[], max: number): Promise<PulledHints>
  /** Hints were pushed, the lowest of them at this rank; undefined: at any. */
  heard(lowest: number | undefined): void
  /** Resolves when nothing is under way but takings. */
  settle(): Promise<void>
}

export interface TakingDeps {
  readonly pool: DatabasePool
  readonly listener: PostgresListener
  readonly logger: Logger
  readonly deadRows?: DeadRowsLimits
  /** How long pulls may pass over lower hints that nobody heard of; 0: not even those whose news are on their way. */
  readonly lookAtAllEveryMs?: number
}

export const createTaking = ({ pool, listener, logger, ...options }: TakingDeps): Taking => {
  const left = createLeftEstimates()
  const deadRows = createDeadRowsWatch(pool, logger, options.deadRows ?? deadRowsLimits)
  const floor = createQueueFloor(options.lookAtAllEveryMs ?? lookAtAllEveryMs, () => performance.now())

  return {
    take: async (routes, max) => {
      // Who does not hear of new hints must look for them everywhere.
      if (listener.state() !== 'listening') floor.heard(undefined)
      const pull = floor.begin(routes)
      let highest: number | undefined
      try {
        const taken = await pullHints(pool, { routes, max, from: pull.from, countMax: left.countMax(routes) })
        highest = taken.highest
        deadRows.observe(taken.tookMs, routes)
        return { taskIds: taken.taskIds, left: left.update(routes, taken) }
      } finally {
        pull.taken(highest)
      }
    },
    heard: (lowest) => floor.heard(lowest),
    settle: () => deadRows.settle(),
  }
}
