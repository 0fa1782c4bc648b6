import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Logger } from '#application/ports/logger.ts'

export interface DeadRowsLimits {
  /** A taking that took longer is slow. */
  readonly slowMs: number
  /** So many dead rows explain it. */
  readonly deadRowsMin: number
  /** How often one process may look, and empty the table. */
  readonly everyMs: number
}

export const deadRowsLimits: DeadRowsLimits = { slowMs: 20, deadRowsMin: 20_000, everyMs: 10_000 }

export interface DeadRowsWatch {
  /** Tells what the server spent on a pull. */
  observe(tookMs: number): void
  /** Resolves when nothing is under way. */
  settle(): Promise<void>
}

/** What waits for the lock stops every pull and push behind it. */
const lockDeadlineMs = 200

/**
 * Empties the table of hints when its dead rows make it slow.
 *
 * Pulls leave their dead rows where the next one begins to read. Mostly they cost nothing, but while somebody's old
 * snapshot may still see them, every pull reads them all again and vacuum can do nothing. Emptying the table gives it new
 * files; the reconciler fills it again from the heads. So it takes two slow pulls in a row, and the server's word that there
 * are many dead rows: a slow machine alone is no reason.
 */
export const createDeadRowsWatch = (pool: DatabasePool, logger: Logger, limits: DeadRowsLimits): DeadRowsWatch => {
  let slowInARow = 0
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let underWay = Promise.resolve()

  const look = async (): Promise<void> => {
    try {
      const deadRows = await countDeadRows(pool)
      if (deadRows < limits.deadRowsMin) return
      await emptyHints(pool)
      logger.warn({ deadRows }, 'emptied the queue of hints, which its dead rows had made slow')
    } catch (error) {
      logger.warn({ err: error }, 'could not empty the queue of hints, which its dead rows may have made slow')
    }
  }

  return {
    observe: (tookMs) => {
      slowInARow = tookMs > limits.slowMs ? slowInARow + 1 : 0
      if (slowInARow < 2 || performance.now() - lookedAtMs < limits.everyMs) return
      slowInARow = 0
      lookedAtMs = performance.now()
      underWay = look()
    },
    settle: () => underWay,
  }
}

/** By the server's statistics, which lag behind by some seconds. */
const countDeadRows = (pool: DatabasePool): Promise<number> =>
  pool.oneFirst(sql.type(z.object({ count: z.number() }))`
    select pg_stat_get_dead_tuples('taskfold.queue_hints'::regclass) as count`)

const emptyHints = (pool: DatabasePool): Promise<void> =>
  pool.transaction(async (transaction) => {
    await transaction.query(sql.type(z.unknown())`select set_config('lock_timeout', ${`${lockDeadlineMs}`}, true)`)
    await transaction.query(sql.type(z.unknown())`truncate taskfold.queue_hints`)
  })
