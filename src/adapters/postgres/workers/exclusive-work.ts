import { randomUUID } from 'node:crypto'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { ExclusiveWork } from '#application/ports/workers/exclusive-work.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

interface Deps {
  readonly pool: DatabasePool
  /** How long a process that dies during its turn keeps the others from theirs. */
  readonly leaseMs?: number
}

const leaseMsDefault = 6_000

const taking = z.object({ taken: z.boolean(), held: z.boolean().nullable(), recent: z.boolean().nullable() })

/**
 * Keeps processes apart by a row of `taskfold.exclusive_work` for each name, with a lease that is renewed every third of its
 * length while the pass goes on.
 *
 * Not an advisory lock. A session's lock is lost behind a pooler in transaction mode. A transaction's lock keeps the
 * transaction open for the whole pass: it occupies a connection that the pass may need, and ends when the session is idle for
 * longer than it may be. Both outlive a host that has vanished for as long as the server takes its connection to be alive.
 *
 * The price: a process that cannot renew its lease, because it hangs or cannot reach the server, may still be at its pass
 * when another begins. A pass must bear that.
 */
export const createPostgresExclusiveWork = ({ pool, leaseMs = leaseMsDefault }: Deps): ExclusiveWork => ({
  tryTurn: async (name, everyMs, pass) => {
    const holder = randomUUID()
    const row = await withReadDeadline(pool.one(takeStatement({ name, everyMs, holder, leaseMs })))
    if (!row.taken) return row.held === false && row.recent === true ? 'not-due' : 'taken'
    const renewal = setInterval(() => {
      // After a renewal that failed, the rest of the lease still holds, and the next renewal comes within a third of it.
      pool.query(renewStatement(name, holder, leaseMs)).catch(() => {})
    }, leaseMs / 3)
    try {
      await pass()
    } finally {
      clearInterval(renewal)
      // A turn that cannot be given back ends with its lease.
      await withReadDeadline(pool.query(returnStatement(name, holder))).catch(() => {})
    }
    return 'done'
  },
})

interface Taking {
  readonly name: string
  readonly everyMs: number
  readonly holder: string
  readonly leaseMs: number
}

/** Reads before it writes, so that a turn that is not due costs no write. Of two processes that write at once the first wins. */
const takeStatement = ({ name, everyMs, holder, leaseMs }: Taking) => sql.type(taking)`
  with seen as (
    select
      coalesce(held_until > clock_timestamp(), false) as held,
      begun_at > clock_timestamp() - ${everyMs}::float8 * interval '1 millisecond' as recent
    from taskfold.exclusive_work
    where name = ${name}
  ), taken as (
    insert into taskfold.exclusive_work as p (name, begun_at, holder, held_until)
    select ${name}, now.at, ${holder}::uuid, now.at + ${leaseMs}::float8 * interval '1 millisecond'
    from (select clock_timestamp() as at) now
    where not exists (select from seen where held or recent)
    on conflict (name) do update
    set begun_at = excluded.begun_at, holder = excluded.holder, held_until = excluded.held_until
    where coalesce(p.held_until <= excluded.begun_at, true)
      and p.begun_at <= excluded.begun_at - ${everyMs}::float8 * interval '1 millisecond'
    returning p.name
  )
  select
    exists (select from taken) as taken,
    (select held from seen) as held,
    (select recent from seen) as recent`

const renewStatement = (name: string, holder: string, leaseMs: number) => sql.type(z.unknown())`
  update taskfold.exclusive_work
  set held_until = clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond'
  where name = ${name} and holder = ${holder}::uuid`

const returnStatement = (name: string, holder: string) => sql.type(z.unknown())`
  update taskfold.exclusive_work
  set holder = null, held_until = null
  where name = ${name} and holder = ${holder}::uuid`
