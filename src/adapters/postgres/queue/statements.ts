import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Hint } from '#application/ports/queue/task-queue.ts'
import { compareRanked } from '#domain/rank.ts'
import { trustTaskId, type TaskId } from '#domain/identifiers.ts'
import { findSqlState } from '../connection/errors.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import { formatNews, type News } from './news.ts'
import { channels } from '../notifications/listener.ts'

/** A hint whose route has become a number. */
export interface NumberedHint extends Omit<Hint, 'route'> {
  readonly route: number
}

export interface Trim {
  readonly routes: readonly number[]
  readonly idsMax: number
}

export interface TakenHints {
  readonly taskIds: readonly TaskId[]
  /** What the server spent on the taking. */
  readonly tookMs: number
  /** The highest rank among them; undefined when there are none. */
  readonly highest: number | undefined
  /** How many ids are left, up to the number asked for; undefined when not counted. */
  readonly left: number | undefined
}

/**
 * Adds hints, tells the news to whoever waits for their routes, and holds the routes of `trim` to their bound. One round
 * trip, or two when some of them are there already: to allow for that, a row at a time, costs twice what adding them does,
 * and most were never there.
 */
export const pushHints = async (
  pool: DatabasePool,
  hints: readonly NumberedHint[],
  news: News,
  trim: Trim,
): Promise<void> => {
  const sorted = hints.toSorted((a, b) => a.route - b.route || compareRanked(a, b))
  const push = (onConflict: OnConflict) =>
    withReadDeadline(
      pool.query(sql.prepared('taskfold.push', z.unknown())`
        select taskfold.push_hints(
          ${onConflict}::text,
          ${toArray(sorted.map((hint) => hint.route))}::int[],
          ${toArray(sorted.map((hint) => hint.rank))}::bigint[],
          ${toArray(sorted.map((hint) => hint.taskId))}::uuid[],
          ${channels.hints}::text,
          ${formatNews(news)}::text,
          ${toArray(trim.routes)}::int[],
          ${trim.idsMax}::int
        )`),
    )
  try {
    await push('fail')
  } catch (error) {
    if (findSqlState(error) !== alreadyThere) throw error
    await push('merge')
  }
}

/** What a push does about a hint that is there already: fail as a whole, or leave it as it is and add the others. */
type OnConflict = 'fail' | 'merge'

const alreadyThere = '23505'

/** The text of an array of numbers or ids, which need no quotes. The driver's own way takes twice as long. */
const toArray = (values: readonly (number | TaskId)[]): string => `{${values.join(',')}}`

const pulledRow = z.object({
  task_ids: z.string(),
  highest: z.int().nullable(),
  took_ms: z.number(),
  left_over: z.number().nullable(),
})

export interface Pull {
  readonly routes: readonly number[]
  readonly max: number
  /** The rank to begin at; undefined: the lowest. */
  readonly from: number | undefined
  /** Up to where to count what is left; 0: not at all. */
  readonly countMax: number
}

/** Takes the lowest ids of several routes; an id that was pushed at two ranks may come twice. */
export const pullHints = async (pool: DatabasePool, { routes, max, from, countMax }: Pull): Promise<TakenHints> => {
  const row = await withReadDeadline(
    pool.one(sql.prepared('taskfold.pull', pulledRow)`
      select task_ids, highest, took_ms, left_over
      from taskfold.pull_hints(${toArray(routes)}::int[], ${max}::int, ${countMax}::int, ${from ?? null}::bigint)`),
  )
  return {
    taskIds: row.task_ids === '' ? [] : row.task_ids.split(',').map(trustTaskId),
    highest: row.highest ?? undefined,
    tookMs: row.took_ms,
    left: row.left_over ?? undefined,
  }
}

/** How many ids a route holds, counted up to `countMax`. */
export const countHints = (pool: DatabasePool, route: number, countMax: number): Promise<number> =>
  withReadDeadline(
    pool.oneFirst(sql.prepared('taskfold.count', z.object({ count: z.number() }))`
      select taskfold.count_hints(${route}::int, ${countMax}::int) as count`),
  )
