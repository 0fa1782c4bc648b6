import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import {
  type EventFeed,
  eventsPerPageMax,
  type FeedCursor,
  type FeedEvent,
} from '#application/ports/events/event-feed.ts'
import { UndecodableStreamError } from '#application/ports/events/event-store.ts'
import { parseTaskId } from '#domain/identifiers.ts'
import { decodeStream, type EventRow } from './codec.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

interface Deps {
  readonly pool: DatabasePool
  /** The bytes of payloads, results and other data that one page may hold. */
  readonly pageBytesMax?: number
}

/** A page is held for each follower that does not read, and an event with the largest payload fills it alone. */
const pageBytesMaxDefault = 262_144

/** Before the first event of any transaction. */
const lowestTaskId = parseTaskId('00000000-0000-0000-0000-000000000000')

/**
 * The feed in order of (transaction, task, version), read only below the oldest transaction of this database that still runs.
 * Postgres counts transactions for all databases of a server; those of others do not hold the feed back.
 */
export const createPostgresEventFeed = ({ pool, pageBytesMax = pageBytesMaxDefault }: Deps): EventFeed => ({
  readAfter: async (cursor, limit) => {
    if (limit < 1 || limit > eventsPerPageMax) throw new RangeError(`1 to ${eventsPerPageMax} events a page`)
    const rows = await withReadDeadline(pool.many(pageStatement(cursor, limit, pageBytesMax)))
    const { epoch = '', known = false } = rows[0] ?? {}
    if (!known) return { kind: 'unknown-cursor' }
    const events = decodeUntilUnreadable(epoch, rows.filter(isFeedRow))
    return { kind: 'page', events, next: events.at(-1)?.cursor ?? cursor ?? firstOf(epoch, 0) }
  },

  latest: async () => {
    const { epoch, end_xid: endXid } = await withReadDeadline(pool.one(latestStatement))
    return firstOf(epoch, endXid)
  },

  findBarrier: async () => {
    const found = await withReadDeadline(pool.maybeOne(barrierStatement))
    return found === null ? undefined : { xid: found.xid, pid: found.pid ?? undefined }
  },
})

/** The cursor before everything that this transaction wrote. */
const firstOf = (epoch: string, xid: number): FeedCursor => ({ epoch, xid, taskId: lowestTaskId, version: 0 })

/** Every row repeats the epoch and whether the cursor is known. A page without events has one row, for these two. */
const pageRow = z.object({
  epoch: z.string(),
  known: z.boolean(),
  xid: z.int().nullable(),
  task_id: z.string().nullable(),
  version: z.int(),
  append_id: z.string(),
  recorded_ms: z.int(),
  type: z.string(),
  data: z.string().nullable(),
  body: z.string().nullable(),
  meta: z.string().nullable(),
  incarnation: z.string().nullable(),
  attempt: z.int().nullable(),
  time_limit_ms: z.int().nullable(),
})

type FeedRow = z.output<typeof pageRow> & EventRow & { readonly xid: number }

const isFeedRow = (row: z.output<typeof pageRow>): row is FeedRow => row.task_id !== null && row.xid !== null

const decodeUntilUnreadable = (epoch: string, rows: readonly FeedRow[]): readonly FeedEvent[] => {
  const events: FeedEvent[] = []
  for (const row of rows) {
    try {
      for (const event of decodeStream(parseTaskId(row.task_id), [row])) {
        events.push({ cursor: { epoch, xid: row.xid, taskId: event.taskId, version: event.version }, event })
      }
    } catch (error) {
      if (!(error instanceof UndecodableStreamError) || events.length === 0) throw error
      return events
    }
  }
  return events
}

/** A cursor beyond the newest transaction is unknown: it belongs to a history that a restore has replaced. */
const pageStatement = (cursor: FeedCursor | undefined, limit: number, bytesMax: number) => {
  const { epoch, xid, taskId, version } = cursor ?? { epoch: null, xid: 0, taskId: lowestTaskId, version: 0 }
  return sql.prepared('taskfold.feed', pageRow)`
    select page.epoch, page.known, e.xid::text::bigint as xid, e.task_id, e.version, e.append_id,
           (extract(epoch from e.recorded_at) * 1000)::bigint as recorded_ms,
           e.type, e.data::text as data, e.body::text as body, e.meta::text as meta,
           e.incarnation, e.attempt, e.time_limit_ms
    from (
      select f.epoch,
             f.epoch = coalesce(${epoch}::text, f.epoch)
             and ${String(xid)}::xid8 <= taskfold.feed_position(pg_snapshot_xmax(pg_current_snapshot())) as known
      from taskfold.feed_epoch() f (epoch)) page
    left join taskfold.read_feed(${String(xid)}::xid8, ${taskId}::uuid, ${version}::int, ${limit}::int, ${bytesMax}::int) e
    on page.known
    order by e.xid, e.task_id, e.version`
}

const latestStatement = sql.type(z.object({ epoch: z.string(), end_xid: z.int() }))`
  select taskfold.feed_epoch() as epoch,
         taskfold.feed_position(taskfold.feed_end())::text::bigint as end_xid`

/** Any role may see which process holds a transaction, but few may see since when. */
const barrierStatement = sql.type(z.object({ xid: z.int(), pid: z.int().nullable() }))`
  select feed.ends_below::text::bigint as xid, holder.pid
  from (select taskfold.feed_end()) feed (ends_below)
  join (
    select backend_xid, pid
    from pg_stat_activity
    where backend_xid is not null
    union all
    select transaction, null
    from pg_prepared_xacts
  ) holder (xid, pid) on holder.xid = feed.ends_below::xid
  limit 1`
