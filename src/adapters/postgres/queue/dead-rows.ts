import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Logger } from '#application/ports/surroundings/logger.ts'

export interface DeadRowsWatch {
  /** Takes how long the server spent on a pull of these routes. */
  observe(tookMs: number, routes: readonly number[]): void
  /** Resolves when no check of the table is under way. */
  settle(): Promise<void>
}

export interface DeadRowsLimits {
  /** A pull on which the server spent more is slow. */
  readonly slowMs: number
  /** So many dead rows before the first hints explain a slow pull. */
  readonly deadRowsMin: number
  /** How often one process may count the dead rows, and empty the table. */
  readonly everyMs: number
}

export const deadRowsLimits: DeadRowsLimits = { slowMs: 20, deadRowsMin: 20_000, everyMs: 10_000 }

/** A statement that waits for the lock of the table stops every pull and push behind it. */
const lockDeadlineMs = 200

/**
 * Empties the table of hints when its dead rows make pulls slow.
 *
 * Pulls leave their dead rows where the next pull begins to read. They mostly cost nothing: the first pull that reads them
 * marks their index entries, and later ones skip those. While an old snapshot of another session may still see the rows,
 * their entries cannot be marked, each pull reads all of them again, and vacuum cannot remove them. Emptying the table gives
 * it new files, and the reconciler fills it again from the heads. That takes two slow pulls in a row and many dead rows that
 * stay although they were read twice: a slow machine is no reason, nor are the dead rows of a long queue that drains.
 */
export const createDeadRowsWatch = (pool: DatabasePool, logger: Logger, limits: DeadRowsLimits): DeadRowsWatch => {
  let slowInARow = 0
  let checkedAtMs = Number.NEGATIVE_INFINITY
  let underWay = Promise.resolve()

  const check = async (routes: readonly number[]): Promise<void> => {
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
      if (slowInARow < 2 || performance.now() - checkedAtMs < limits.everyMs) return
      slowInARow = 0
      checkedAtMs = performance.now()
      underWay = check(routes)
    },
    settle: () => underWay,
  }
}

/**
 * How many dead rows stand before the first hint of each of these routes and cannot be marked: the first read marks those
 * that can, the second one counts the others.
 */
const countKeptDeadRows = (pool: DatabasePool, routes: readonly number[]): Promise<number> =>
  pool.transaction(async (transaction) => {
    await transaction.query(sql.type(z.unknown())`
      select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`)
    const readFirstHints = async (): Promise<number> => {
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
    const before = await readFirstHints()
    return (await readFirstHints()) - before - routes.length
  })

/** How many entries of the key of the hints this transaction has read. */
const indexEntriesRead = sql.type(z.object({ count: z.number() }))`
  select pg_stat_get_xact_tuples_returned('taskfold.queue_hints_pkey'::regclass) as count`

const emptyHints = (pool: DatabasePool): Promise<void> =>
  pool.transaction(async (transaction) => {
    await transaction.query(sql.type(z.unknown())`select set_config('lock_timeout', ${`${lockDeadlineMs}`}, true)`)
    await transaction.query(sql.type(z.unknown())`truncate taskfold.queue_hints`)
  })
