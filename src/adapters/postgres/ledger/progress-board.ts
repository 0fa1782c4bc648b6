import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { ProgressBoard, ProgressReport } from '#application/ports/ledger/progress-board.ts'
import { parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { toIntArray, toJsonArray, toUuidArray } from '../connection/binary-arrays.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

const reportsPerCallMax = 1_000

/** Progress in an unlogged table, one row a task. */
export const createPostgresProgressBoard = ({ pool }: { readonly pool: DatabasePool }): ProgressBoard => ({
  write: async (reports) => {
    if (reports.length > reportsPerCallMax) throw new RangeError(`at most ${reportsPerCallMax} reports a call`)
    if (reports.length > 0) await withReadDeadline(pool.query(writeStatement(reports)))
  },

  find: async (taskId) => {
    const row = await withReadDeadline(pool.maybeOne(findStatement(taskId)))
    return row === null ? undefined : { taskId: parseTaskId(row.task_id), run: row.run, value: row.value }
  },
})

const bind = (array: Buffer | null) => (array === null ? null : sql.binary(array))

/** In the order of ids, so that two processes that write progress of the same tasks cannot deadlock. */
const writeStatement = (reports: readonly ProgressReport[]) => sql.type(z.unknown())`
  insert into taskfold.progress as p (task_id, run, value)
  select task_id, run, value
  from unnest(
    ${bind(toUuidArray(reports, (report) => report.taskId))}::uuid[],
    ${bind(toIntArray(reports, (report) => report.run))}::int[],
    ${bind(toJsonArray(reports, (report) => report.value))}::json[]) as given (task_id, run, value)
  order by task_id
  on conflict (task_id) do update
  set run = excluded.run, value = excluded.value
  where p.run <= excluded.run`

const progressRow = z.object({ task_id: z.string(), run: z.int(), value: z.string() })

const findStatement = (taskId: TaskId) => sql.prepared('taskfold.progress', progressRow)`
  select task_id, run, value::text as value
  from taskfold.progress
  where task_id = ${taskId}::uuid`
