import { type DatabasePool, type FragmentSqlToken, sql } from 'slonik'
import { z } from 'zod'
import type { HeadQuery, TaskIndex } from '#application/ports/heads/task-index.ts'
import { findTaskId, type TaskId } from '#domain/identifiers.ts'
import type { Head } from '#domain/task/head.ts'
import type { TaskStatus } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import { itself, toUuidArray } from '../connection/binary-arrays.ts'
import { headColumns, headRow, repairHeads, toHeads } from './head-rows.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import type { PostgresRoutes } from './routes.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly routes: PostgresRoutes
}

const headsPerCallMax = 1_000

/**
 * The read model over `taskfold.tasks`.
 *
 * A list reads heads downward by task id, so it is quick where many heads match. Where few match by nature there are partial
 * indexes: pending, running, failed and cancelled tasks. A queue or type with few tasks among millions of others that have
 * ended has no index, and its list reads all of them, some 200 ms a million: every append would pay for such an index.
 */
export const createPostgresTaskIndex = (deps: Deps): TaskIndex => ({
  listHeads: async (query) => {
    if (query.limit < 1 || query.limit > headsPerCallMax) throw new RangeError(`1 to ${headsPerCallMax} heads a call`)
    const numbers = await findRouteNumbers(deps.pool, query)
    return toHeads(deps.routes, await withReadDeadline(deps.pool.any(listStatement(query, numbers))))
  },

  findHeads: async (taskIds) => {
    if (taskIds.length > headsPerCallMax) throw new RangeError(`at most ${headsPerCallMax} ids a call`)
    const ids = toUuidArray(taskIds, itself)
    if (ids === null) return new Map()
    const rows = await withReadDeadline(
      deps.pool.any(
        sql.type(
          headRow,
        )`select ${headColumns} from taskfold.tasks h where h.task_id = any(${sql.binary(ids)}::uuid[])`,
      ),
    )
    const heads = await toHeads(deps.routes, rows)
    return new Map<TaskId, Head>(heads.map((head) => [head.taskId, head]))
  },

  summarizeQueues: async (after, limit) => {
    const rows = await withReadDeadline(deps.pool.any(summaryStatement(after, limit)))
    return rows.map(({ oldest_ready_age_ms, ...row }) => ({
      ...row,
      oldestReadyAgeMs: oldest_ready_age_ms ?? undefined,
    }))
  },

  repairHead: async (head) => ((await repairHeads(deps, [head])).length > 0 ? 'repaired' : 'unchanged'),
})

/**
 * The numbers of the routes that a query names; undefined when it names neither queue nor type. Read in a statement before:
 * the server plans by how many heads a route has, which it cannot know for a route that a join finds.
 */
const findRouteNumbers = async (
  pool: DatabasePool,
  { queue, type }: HeadQuery,
): Promise<readonly number[] | undefined> => {
  if (queue === undefined && type === undefined) return undefined
  return withReadDeadline(
    pool.anyFirst(sql.type(z.object({ id: z.int() }))`
      select id
      from taskfold.routes
      where (${queue ?? null}::text is null or queue = ${queue ?? null})
      and (${type ?? null}::text is null or type = ${type ?? null})`),
  )
}

const listStatement = (query: HeadQuery, numbers: readonly number[] | undefined) => sql.type(headRow)`
  select ${headColumns}
  from taskfold.tasks h
  where ${sql.join(conditionsOf(query, numbers), sql.fragment` and `)}
  order by h.task_id desc
  limit ${query.limit}`

const conditionsOf = (query: HeadQuery, numbers: readonly number[] | undefined): readonly FragmentSqlToken[] => {
  const conditions = [sql.fragment`true`]
  if (query.status !== undefined) conditions.push(hasStatus(query.status))
  if (numbers !== undefined) conditions.push(sql.fragment`h.route = any(${sql.array([...numbers], 'int4')})`)
  if (query.before !== undefined) conditions.push(sql.fragment`h.task_id < ${query.before}::uuid`)
  if (query.submittedAfter !== undefined) conditions.push(isSubmittedAfter(query.submittedAfter))
  if (query.submittedBefore !== undefined) conditions.push(isSubmittedBefore(query.submittedBefore))
  return conditions
}

/** Repeats the condition of the partial index for a status, so that the index can be used. */
const hasStatus = (status: TaskStatus): FragmentSqlToken => {
  switch (status) {
    case 'PENDING':
      return sql.fragment`h.status = 'PENDING' and h.ready_at is not null`
    case 'PROCESSING':
      return sql.fragment`h.status = 'PROCESSING' and h.incarnation is not null`
    case 'FAILED':
      return sql.fragment`h.status = 'FAILED'`
    case 'CANCELLED':
      return sql.fragment`h.status = 'CANCELLED'`
    case 'SUCCESS':
      return sql.fragment`h.status = 'SUCCESS'`
  }
}

/**
 * How far apart minting an id and recording its `Submitted` may be: an append waits some seconds at most. Only for ids within
 * this distance of the instant asked for must events be read; for the others the instant in the id decides.
 */
const mintedApartMsMax = 60_000

const isSubmittedAfter = (instant: Instant): FragmentSqlToken => sql.fragment`
  h.task_id >= ${lowestTaskId(instant - mintedApartMsMax)}::uuid
  and (h.task_id >= ${lowestTaskId(instant + mintedApartMsMax)}::uuid
       or ${submittedAt} > ${toTimestamp(instant)})`

const isSubmittedBefore = (instant: Instant): FragmentSqlToken => sql.fragment`
  h.task_id < ${lowestTaskId(instant + mintedApartMsMax)}::uuid
  and (h.task_id < ${lowestTaskId(instant - mintedApartMsMax)}::uuid
       or ${submittedAt} < ${toTimestamp(instant)})`

const submittedAt = sql.fragment`(
  select e.recorded_at
  from taskfold.events e
  where e.task_id = h.task_id and e.version = 1)`

const toTimestamp = (instant: Instant): FragmentSqlToken =>
  sql.fragment`'epoch'::timestamptz + ${instant}::bigint * interval '1 millisecond'`

const instantMax = 2 ** 48 - 1

/** The lowest id with the instant in its first 48 bits, as the bounds of partitions have it. */
const lowestTaskId = (instant: Instant): TaskId => {
  const digits = Math.min(Math.max(Math.floor(instant), 0), instantMax)
    .toString(16)
    .padStart(12, '0')
  const taskId = findTaskId(`${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`)
  if (taskId === undefined) throw new RangeError(`no task id begins with the instant ${instant}`)
  return taskId
}

const summaryRow = z.object({
  queue: z.string(),
  ready: z.int(),
  scheduled: z.int(),
  retrying: z.int(),
  running: z.int(),
  failed: z.int(),
  oldest_ready_age_ms: z.int().nullable(),
})

/** Each part reads one partial index for the routes of one page, and none reads the tasks that succeeded. */
const summaryStatement = (after: string | undefined, limit: number) => sql.type(summaryRow)`
  with page as materialized (
    select name as queue
    from taskfold.names
    where kind = 'queue'
    and (${after ?? null}::text is null or name > ${after ?? null})
    order by name
    limit ${limit}
  ), routes as materialized (
    select r.id, r.queue
    from page
    join taskfold.routes r using (queue)
  ), pending as (
    select r.queue,
           count(*) filter (where t.ready_at <= greatest(now(), t.last_at)) as ready,
           count(*) filter (where t.ready_at > greatest(now(), t.last_at) and t.attempt = 0) as scheduled,
           count(*) filter (where t.ready_at > greatest(now(), t.last_at) and t.attempt > 0) as retrying,
           min(t.ready_at) as oldest_at
    from routes r
    join taskfold.tasks t on t.route = r.id
    where t.ready_at is not null
    group by r.queue
  ), running as (
    select r.queue, count(*) as running
    from routes r
    join taskfold.tasks t on t.route = r.id
    where t.incarnation is not null
    group by r.queue
  ), failed as (
    select r.queue, count(*) as failed
    from routes r
    join taskfold.tasks t on t.route = r.id
    where t.status = 'FAILED'
    group by r.queue
  )
  select page.queue,
         coalesce(pending.ready, 0) as ready,
         coalesce(pending.scheduled, 0) as scheduled,
         coalesce(pending.retrying, 0) as retrying,
         coalesce(running.running, 0) as running,
         coalesce(failed.failed, 0) as failed,
         case when pending.ready > 0
              then greatest(0, floor(extract(epoch from now() - pending.oldest_at) * 1000)::bigint)
         end as oldest_ready_age_ms
  from page
  left join pending using (queue)
  left join running using (queue)
  left join failed using (queue)
  order by page.queue`
