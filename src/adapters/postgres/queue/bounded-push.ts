import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Hint, Novelty } from '#application/ports/queue/task-queue.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'
import { findSqlState } from '../connection/errors.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import { channels } from '../notifications/listener.ts'

/** A hint that names its route by number. */
export interface NumberedHint extends Omit<Hint, 'route'> {
  readonly route: number
}

/** What the notification of a push says: for which routes there are hints, and the lowest rank among them. */
export interface NotificationContent {
  readonly routes: readonly number[] | 'all'
  readonly lowestRank: number
}

/**
 * Adds hints to the table, notifies all processes, and holds each route to about `queueIdsMax` ids. Answers what the
 * notification says. Throws StoreUnavailableError.
 *
 * The bound is loose, because counting a route costs more than the push: a process trims a route once it has pushed a tenth
 * of the bound to it, so that each process can exceed the bound by a tenth.
 */
export const createBoundedPush = (pool: DatabasePool, queueIdsMax: number) => {
  const trims = createTrims(Math.max(1, Math.floor(queueIdsMax / 10)))
  return async (hints: readonly NumberedHint[], novelty: Novelty): Promise<NotificationContent> => {
    const content = toNotificationContent(hints)
    const sorted = hints.toSorted((a, b) => a.route - b.route || compareRanked(a, b))
    const push: Push = { hints: sorted, content, trimmedRoutes: trims.due(hints), queueIdsMax }
    // One round trip where all hints are new, as nearly always after a submission; a second one, and an error in the log of
    // the server, when the table has one of them already. A statement that allows for that from the start adds row by row,
    // which costs twice as much: it is for hints that are pushed again.
    if (novelty === 'again') {
      await pushHints(pool, push, 'merge')
      return content
    }
    try {
      await pushHints(pool, push, 'fail')
    } catch (error) {
      if (findSqlState(error) !== alreadyThere) throw error
      await pushHints(pool, push, 'merge')
    }
    return content
  }
}

const alreadyThere = '23505'

/** Counts pushed ids, and says which routes are to be trimmed: each after `everyIds` of them. */
const createTrims = (everyIds: number) => {
  const pushed = new Map<number, number>()
  return {
    due: (hints: readonly { readonly route: number }[]): readonly number[] => {
      for (const { route } of hints) pushed.set(route, (pushed.get(route) ?? 0) + 1)
      const due = new Set(hints.map((hint) => hint.route).filter((route) => (pushed.get(route) ?? 0) >= everyIds))
      for (const route of due) pushed.delete(route)
      return [...due]
    },
  }
}

interface Push {
  /** In the order of the key. */
  readonly hints: readonly NumberedHint[]
  readonly content: NotificationContent
  readonly trimmedRoutes: readonly number[]
  readonly queueIdsMax: number
}

/** What a push does about a hint that is there already: fail as a whole, or leave it as it is and add the others. */
type OnConflict = 'fail' | 'merge'

const pushHints = (
  pool: DatabasePool,
  { hints, content, trimmedRoutes, queueIdsMax }: Push,
  onConflict: OnConflict,
): Promise<unknown> =>
  withReadDeadline(
    pool.query(sql.prepared('taskfold.push', z.unknown())`
      select taskfold.push_hints(
        ${onConflict}::text,
        ${toArray(hints.map((hint) => hint.route))}::int[],
        ${toArray(hints.map((hint) => hint.rank))}::bigint[],
        ${toArray(hints.map((hint) => hint.taskId))}::uuid[],
        ${channels.hints}::text,
        ${formatNotification(content)}::text,
        ${toArray(trimmedRoutes)}::int[],
        ${queueIdsMax}::int
      )`),
  )

/** The text of an array of numbers or ids, which need no quotes. The driver's own encoding takes twice as long. */
export const toArray = (values: readonly (number | TaskId)[]): string => `{${values.join(',')}}`

export const toNotificationContent = (
  hints: readonly { readonly route: number; readonly rank: number }[],
): NotificationContent => {
  const routes = new Set<number>()
  let lowestRank = Number.POSITIVE_INFINITY
  for (const hint of hints) {
    routes.add(hint.route)
    lowestRank = Math.min(lowestRank, hint.rank)
  }
  return { routes: [...routes], lowestRank }
}

/** A notification holds less than 8,000 bytes; a number of a route and its comma take at most 11. */
const routesPerNotificationMax = 700

/** Such as `3,4@1700000000000`: the routes, none of them when they are too many, and the lowest rank. */
export const formatNotification = ({ routes, lowestRank }: NotificationContent): string => {
  const named = routes === 'all' || routes.length > routesPerNotificationMax ? '' : routes.join(',')
  return `${named}@${lowestRank}`
}

/** Every session of the database may notify the channel: a text that no push wrote counts as a push of unknown hints. */
export const parseNotification = (text: string): NotificationContent => {
  const { named = '', rank } = /^(?<named>\d+(?:,\d+)*)?@(?<rank>-?\d+)$/.exec(text)?.groups ?? {}
  if (rank === undefined) return unknownPush
  return { routes: named === '' ? 'all' : named.split(',').map(Number), lowestRank: Number(rank) }
}

/** Hints of any route and any rank may have been pushed. */
export const unknownPush: NotificationContent = { routes: 'all', lowestRank: Number.NEGATIVE_INFINITY }
