import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Logger } from '#application/ports/surroundings/logger.ts'

export interface DeadRowsLimits {
  /** A taking that took longer is slow. */
  readonly slowMs: number
  /** So many dead rows to walk over explain it. */
  readonly deadRowsMin: number
  /** How often one process may look, and empty the table. */
  readonly everyMs: number
}

export const deadRowsLimits: DeadRowsLimits = { slowMs: 20, deadRowsMin: 20_000, everyMs: 10_000 }

export interface DeadRowsWatch {
  /** Tells what the server spent on a pull of these routes. */
  observe(tookMs: number, routes: readonly number[]): void
  /** Resolves when nothing is under way. */
  settle(): Promise<void>
}

/** What waits for the lock stops every pull and push behind it. */
const lockDeadlineMs = 200

/**
 * Empties the table of hints when its dead rows make it slow.
 *
 * Pulls leave their dead rows where the next one begins to read. Mostly they cost nothing: the first to walk over them marks
 * their index entries, and nobody walks there again. But while somebody's old snapshot may still see them nothing can be
 * marked, every pull reads them all again, and vacuum can do nothing. Emptying the table gives it new files; the reconciler
 * fills it again from the heads. So it takes two slow pulls in a row, and many dead rows that stay after a walk over them: a
 * slow machine alone is no reason, nor are the dead rows of a long queue that is being drained.
 */
export const createDeadRowsWatch = (pool: DatabasePool, logger: Logger, limits: DeadRowsLimits): DeadRowsWatch => {
  let slowInARow = 0
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let underWay = Promise.resolve()

  const look = async (routes: readonly number[]): Promise<void> => {
    try {
      const deadRows = await countKeptDeadRows(pool, routes)
      if (deadRows < limits.deadRowsMin) return
      await emptyHints(pool)
      logger.warn({ deadRows }, 'emptied the queue of hints, which its dead rows had made slow')
    } catch (error) {
      logger.warn({ err: error }, 'could not empty the queue of hints, which its dead rows may have made slow')
    }
  }

  return {
    observe: (tookMs, routes) => {
      slowInARow = tookMs > limits.slowMs ? slowInARow + 1 : 0
      if (slowInARow < 2 || performance.now() - lookedAtMs < limits.everyMs) return
      slowInARow = 0
      lookedAtMs = performance.now()
      underWay = look(routes)
    },
    settle: () => underWay,
  }
}

/** How many dead rows stand before the first hint of each of these routes after a walk over them has marked what it could. */
const countKeptDeadRows = (pool: DatabasePool, routes: readonly number[]): Promise<number> =>
  pool.transaction(async (transaction) => {
    await transaction.query(sql.type(z.unknown())`
      select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`)
    const walk = async (): Promise<number> => {
      await transaction.query(sql.type(z.unknown())`
        select first.task_id
        from unnest(${sql.array(routes, 'int4')}) r (route)
        cross join lateral (
          select q.task_id
          from taskfold.queue_hints q
          where q.route = r.route
          order by q.rank, q.task_id
          limit 1) first`)
      return transaction.oneFirst(indexEntriesRead)
    }
    const before = await walk()
    return (await walk()) - before - routes.length
  })

/** By this transaction, of the key of the hints. */
const indexEntriesRead = sql.type(z.object({ count: z.number() }))`
  select pg_stat_get_xact_tuples_returned('taskfold.queue_hints_pkey'::regclass) as count`

const emptyHints = (pool: DatabasePool): Promise<void> =>
  pool.transaction(async (transaction) => {
    await transaction.query(sql.type(z.unknown())`select set_config('lock_timeout', ${`${lockDeadlineMs}`}, true)`)
    await transaction.query(sql.type(z.unknown())`truncate taskfold.queue_hints`)
  })
