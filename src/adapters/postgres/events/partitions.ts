import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Partitions } from '#application/ports/events/partitions.ts'
import { mintedAt, type TaskId } from '#domain/identifiers.ts'
import type { Instant } from '#domain/time.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

/** Three weeks from any day of a week touch four; a fifth is the week before, for ids minted in its last moments. */
const weeksAhead = 5
const dayMs = 86_400_000
const aheadMs = 21 * dayMs
const behindMs = dayMs
const weekMs = 7 * dayMs

/** The weekly partitions of `taskfold.events`. */
export const createPostgresPartitions = ({ pool }: { readonly pool: DatabasePool }): Partitions => ({
  ensurePartitions: async (at) => {
    const found = await withReadDeadline(readWeeks(pool))
    if (areAllThere(found, at - behindMs, at + aheadMs)) return endOf(found)
    await withReadDeadline(pool.query(makeWeeks(at - behindMs)))
    return endOf(await withReadDeadline(readWeeks(pool)))
  },
})

const makeWeeks = (from: Instant) => sql.type(z.object({ made: z.int() }))`
  select taskfold.make_event_partitions(
    'epoch'::timestamptz + ${from}::bigint * interval '1 millisecond', ${weeksAhead}::int) as made`

/** The instants at which the weeks that have a partition begin, in order. */
const readWeeks = async (pool: DatabasePool): Promise<readonly Instant[]> => {
  const rows = await pool.any(sql.type(z.object({ week: z.int() }))`
    select (extract(epoch from to_date(substring(c.relname from '^events_([0-9]{8})$'), 'YYYYMMDD')::timestamp) * 1000)::bigint as week
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'taskfold.events'::regclass
    and c.relname ~ '^events_[0-9]{8}$'
    order by week`)
  return rows.map(({ week }) => week)
}

const areAllThere = (weeks: readonly Instant[], first: Instant, last: Instant): boolean => {
  for (let week = weekOf(first); week <= last; week += weekMs) if (!weeks.includes(week)) return false
  return true
}

const endOf = (weeks: readonly Instant[]): Instant => (weeks.at(-1) ?? 0) + weekMs

/** Tells whether a new stream has a partition. */
export interface PartitionGuard {
  /** Whether there is a partition for the events of this id; asks the server when it is not known. Throws StoreUnavailableError. */
  hasPlaceFor(taskId: TaskId): Promise<boolean>
  /** The same by what this process knows, without asking the server. */
  knowsPlaceFor(taskId: TaskId): boolean
  /** Forgets what it knows. */
  forgetAll(this: void): void
}

/** After the server answered that there is none it is not asked again for so long. */
const missStandsMs = 1_000

/**
 * Reads the partitions when it meets an id outside those that it knows, because any process may make more. An id without a
 * partition is refused before it joins a batch, which would fail as a whole.
 */
export const createPartitionGuard = ({
  pool,
  monotonicMs,
}: {
  readonly pool: DatabasePool
  readonly monotonicMs: () => number
}): PartitionGuard => {
  let weeks = new Set<Instant>()
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  const read = async (): Promise<void> => {
    weeks = new Set(await withReadDeadline(readWeeks(pool)))
    readAtMs = monotonicMs()
  }

  return {
    forgetAll: () => {
      weeks = new Set()
      readAtMs = Number.NEGATIVE_INFINITY
    },

    knowsPlaceFor: (taskId) => weeks.has(weekOf(mintedAt(taskId))),

    hasPlaceFor: async (taskId) => {
      const week = weekOf(mintedAt(taskId))
      if (weeks.has(week)) return true
      if (monotonicMs() - readAtMs < missStandsMs) return false
      reading ??= read().finally(() => {
        reading = undefined
      })
      await reading
      return weeks.has(week)
    },
  }
}

/** 1970-01-05 was a Monday. */
const firstMondayMs = 345_600_000

/** The beginning of the week an instant lies in: Monday, UTC. */
const weekOf = (at: Instant): Instant => Math.floor((at - firstMondayMs) / weekMs) * weekMs + firstMondayMs
