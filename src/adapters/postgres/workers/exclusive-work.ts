import { randomUUID } from 'node:crypto'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { createPatience } from '#application/mechanisms/patience.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { ExclusiveWork } from '#application/ports/workers/exclusive-work.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly clock: Clock
  /** How long a process that dies during its turn keeps the others from theirs. */
  readonly leaseMs?: number
}

const leaseMsDefault = 6_000

const seenTurn = z.object({
  taken: z.boolean(),
  holder: z.string().nullable(),
  beat: z.int().nullable(),
  state: z.enum(['under way', 'done', 'failed']).nullable(),
})

/** A row as this process has seen it, and since when by the monotonic clock. */
interface Watched {
  readonly holder: string | null
  readonly beat: number | null
  readonly sinceMs: number
}

/**
 * Keeps processes apart by a row of `taskfold.exclusive_work` for each name, whose beat is raised every third of a lease
 * while the pass goes on.
 *
 * ```
 *   done ── begun everyMs ago, or the same beat seen for everyMs ──▶ under way ──▶ done, failed
 *   failed ── at once; for the process that failed after its patience ──▶ under way
 *   under way ── the same beat seen for a whole lease ──▶ under way, for another process
 * ```
 *
 * What was seen is timed by this process's monotonic clock. The server's clock may only say that a turn is due: after it
 * stepped back a turn seems to have begun in the future, and the watch alone decides.
 *
 * Not an advisory lock. A session's lock is lost behind a pooler in transaction mode. A transaction's lock keeps the
 * transaction open for the whole pass: it occupies a connection that the pass may need, and ends when the session is idle for
 * longer than it may be. Both outlive a host that has vanished for as long as the server takes its connection to be alive.
 *
 * The price: a process that cannot raise its beat, because it hangs or cannot reach the server, may still be at its pass
 * when another begins. A pass must bear that.
 */
export const createPostgresExclusiveWork = ({ pool, clock, leaseMs = leaseMsDefault }: Deps): ExclusiveWork => {
  const patience = createPatience(() => clock.monotonicMs())
  const watch = createTurnWatch(clock)
  const ownTurns = new Map<string, string>()

  const run = async (name: string, holder: string, pass: () => Promise<void>): Promise<void> => {
    const renewal = setInterval(() => {
      // After a beat that failed, the rest of the lease still holds, and the next beat comes within a third of it.
      pool.query(beatStatement(name, holder, 'under way')).catch(() => {})
    }, leaseMs / 3)
    let how: 'done' | 'failed' = 'failed'
    try {
      await pass()
      how = 'done'
    } finally {
      clearInterval(renewal)
      patience.ended(name, how)
      // A turn that cannot be given back ends with its lease.
      await withReadDeadline(pool.query(beatStatement(name, holder, how))).catch(() => {})
    }
  }

  return {
    tryTurn: async (name, everyMs, pass) => {
      const holder = randomUUID()
      const row = await withReadDeadline(
        pool.one(
          takeStatement({
            name,
            everyMs,
            holder,
            patient: patience.isWaiting(name, everyMs),
            idle: watch.findUnchanged(name, everyMs),
            silent: watch.findUnchanged(name, leaseMs),
          }),
        ),
      )
      if (row.taken) {
        ownTurns.set(name, holder)
        await run(name, holder, pass)
        return 'done'
      }
      watch.observe(name, row)
      if (row.state === 'done' && row.holder !== ownTurns.get(name)) patience.sawOthers(name)
      return row.state === 'done' || row.state === 'failed' ? 'not-due' : 'taken'
    },
  }
}

const createTurnWatch = (clock: Clock) => {
  const watched = new Map<string, Watched>()
  return {
    observe: (name: string, { holder, beat }: Pick<Watched, 'holder' | 'beat'>): void => {
      const before = watched.get(name)
      if (before?.holder === holder && before.beat === beat) return
      watched.set(name, { holder, beat, sinceMs: clock.monotonicMs() })
    },
    /** The row when it has been seen unchanged for so long. */
    findUnchanged: (name: string, forMs: number): Watched | undefined => {
      const row = watched.get(name)
      return row !== undefined && clock.monotonicMs() - row.sinceMs >= forMs ? row : undefined
    },
  }
}

interface Taking {
  readonly name: string
  readonly everyMs: number
  readonly holder: string
  /** Leaves the turn to others, unless it was never anybody's. */
  readonly patient: boolean
  /** The row as it was seen for a whole period, and for a whole lease. */
  readonly idle: Watched | undefined
  readonly silent: Watched | undefined
}

/** Reads before it writes, so that a turn that is not due costs no write. Of two processes that write at once the first wins. */
const takeStatement = ({ name, everyMs, holder, patient, idle, silent }: Taking) => sql.type(seenTurn)`
  with seen as (
    select
      holder,
      beat,
      state,
      not ${patient}::boolean and case state
        when 'failed' then true
        when 'done' then
          begun_at <= clock_timestamp() - ${everyMs}::float8 * interval '1 millisecond'
          or (holder = ${idle?.holder ?? null}::uuid and beat = ${idle?.beat ?? null}::bigint)
        else holder = ${silent?.holder ?? null}::uuid and beat = ${silent?.beat ?? null}::bigint
      end as due
    from taskfold.exclusive_work
    where name = ${name}
  ), taken as (
    insert into taskfold.exclusive_work as p (name, holder, beat, state, begun_at)
    select ${name}, ${holder}::uuid, 1, 'under way', clock_timestamp()
    where not exists (select from seen where due is not true)
    on conflict (name) do update
    set holder = excluded.holder, beat = p.beat + 1, state = excluded.state, begun_at = excluded.begun_at
    where exists (select from seen where seen.holder = p.holder and seen.beat = p.beat)
    returning p.name
  )
  select
    exists (select from taken) as taken,
    (select holder from seen) as holder,
    (select beat from seen) as beat,
    (select state from seen) as state`

/** Raises the beat of a turn, and says how it stands. Does nothing once another process has taken the turn over. */
const beatStatement = (name: string, holder: string, state: 'under way' | 'done' | 'failed') => sql.type(z.unknown())`
  update taskfold.exclusive_work
  set beat = beat + 1, state = ${state}
  where name = ${name} and holder = ${holder}::uuid`
