import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { SubmitKeys } from '#application/ports/events/submit-keys.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

const purged = z.object({ scope: z.string() })

/** Skips keys that another transaction has locked: the next purge finds them. */
export const createPostgresSubmitKeys = ({ pool }: { readonly pool: DatabasePool }): SubmitKeys => ({
  purge: async (takenBefore, countMax) => {
    const { rowCount } = await withReadDeadline(
      pool.query(sql.type(purged)`
        delete from taskfold.submit_keys
        where ctid = any (array(
          select ctid
          from taskfold.submit_keys
          where created_at < 'epoch'::timestamptz + ${takenBefore}::bigint * interval '1 millisecond'
          order by created_at
          limit ${countMax}::int
          for update skip locked))`),
    )
    return rowCount
  },
})
