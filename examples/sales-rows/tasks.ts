import { defineTask } from 'taskfold'
import { z } from 'zod'

const row = z.object({ sales: z.int(), cents: z.int() })

/**
 * Adds a sale to the row of its month, in the database of Taskfold. Mode `tx`: the SQL commits with the record of the effect
 * or not at all, so even `cents = cents + …`, which bears no repetition, happens exactly once.
 */
export const recordSale = defineTask({
  type: 'sales.record',
  input: z.strictObject({ month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/), cents: z.int().min(1).max(10_000_000) }),
  run: ({ month, cents }, { effect }) =>
    effect('row', { mode: 'tx', input: { month, cents } }, async ({ query }) => {
      // Without the lock the first two transactions could both create the table, which fails one of them.
      await query("select pg_advisory_xact_lock(hashtext('sales_report'))")
      await query(
        'create table if not exists sales_report (month text primary key, sales int not null, cents int not null)',
      )
      const { rows } = await query(
        `insert into sales_report as r (month, sales, cents) values ($1, 1, $2)
         on conflict (month) do update set sales = r.sales + 1, cents = r.cents + excluded.cents
         returning sales, cents`,
        [month, cents],
      )
      return row.parse(rows[0])
    }),
})
