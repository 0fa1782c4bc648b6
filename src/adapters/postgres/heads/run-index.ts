import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { RunIndex, RunningHead } from '#application/ports/heads/run-index.ts'
import { parseIncarnation, parseTaskId } from '#domain/identifiers.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

const incarnationsMax = 10_000
const cancellingMax = 1_000

const runRow = z.object({ task_id: z.string(), run: z.int() })

/** The running heads, by the index `tasks_running`: a read costs as much as its answer, however many tasks there are. */
export const createPostgresRunIndex = ({ pool }: { readonly pool: DatabasePool }): RunIndex => ({
  listRunningIncarnations: async () => {
    const incarnations = await withReadDeadline(pool.anyFirst(incarnationsStatement))
    return incarnations.map(parseIncarnation)
  },

  listRuns: async (incarnation, limit) =>
    toRuns(
      await withReadDeadline(
        pool.any(sql.type(runRow)`
          select task_id, run
          from taskfold.tasks
          where incarnation = ${incarnation}::uuid
          order by task_id
          limit ${limit}`),
      ),
    ),

  // While a task runs, only CancelRequested can follow its Started.
  listCancelling: async (incarnation) =>
    toRuns(
      await withReadDeadline(
        pool.any(sql.type(runRow)`
          select task_id, run
          from taskfold.tasks
          where incarnation = ${incarnation}::uuid
          and version <> run
          order by task_id
          limit ${cancellingMax}`),
      ),
    ),
})

/** Finds each incarnation by one probe of the index, without reading all its runs. */
const incarnationsStatement = sql.type(z.object({ incarnation: z.string() }))`
  with recursive running as (
    (select incarnation
     from taskfold.tasks
     where incarnation is not null
     order by incarnation
     limit 1)
    union all
    select (
      select t.incarnation
      from taskfold.tasks t
      where t.incarnation > running.incarnation
      order by t.incarnation
      limit 1)
    from running
    where running.incarnation is not null
  )
  select incarnation
  from running
  where incarnation is not null
  limit ${incarnationsMax}`

const toRuns = (rows: readonly z.output<typeof runRow>[]): readonly RunningHead[] =>
  rows.map((row) => ({ taskId: parseTaskId(row.task_id), run: row.run }))
