import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { TaskProbe } from '#application/ports/diagnostics.ts'
import { parseTaskId } from '#domain/identifiers.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import { presentRoutes } from '../heads/present-routes.ts'

export const createPostgresTaskProbe = ({ pool }: { readonly pool: DatabasePool }): TaskProbe => ({
  listBacklog: async () => {
    const rows = await withReadDeadline(pool.any(backlogStatement))
    return rows.map(({ queue, type, oldestReadyAgeMs }) => ({ route: { queue, type }, oldestReadyAgeMs }))
  },
  sampleTaskIds: async (points, idsMax) => {
    const all = await withReadDeadline(pool.anyFirst(firstStatement(idsMax)))
    const taskIds = all.length <= idsMax ? all : await withReadDeadline(pool.anyFirst(sampleStatement(points, idsMax)))
    return taskIds.slice(0, idsMax).map(parseTaskId)
  },
})

/** Routes with pending tasks that are looked at. */
const routesMax = 1_000

/** Costs 201 probes of the index a route with pending tasks, one for each priority, however many of them wait. */
const backlogStatement = sql.type(z.object({ queue: z.string(), type: z.string(), oldestReadyAgeMs: z.number() }))`
  ${presentRoutes(0)}
  select r.queue, r.type,
         (extract(epoch from clock_timestamp() - oldest.ready_at) * 1000)::float8 as "oldestReadyAgeMs"
  from (select route from present where route is not null limit ${routesMax}) waiting
  join taskfold.routes r on r.id = waiting.route
  cross join lateral (
    select min(first.ready_at) as ready_at
    from generate_series(-100, 100) p (priority)
    cross join lateral (
      select h.ready_at
      from taskfold.tasks h
      where h.route = r.id and h.priority = p.priority and h.ready_at is not null
      order by h.ready_at
      limit 1) first
  ) oldest
  where oldest.ready_at < clock_timestamp()
  order by oldest.ready_at`

const taskId = z.object({ task_id: z.string() })

/** One more than asked for, to tell whether these are all. Of both tables: a task may lack its head or its events. */
const firstStatement = (idsMax: number) => sql.type(taskId)`
  (select task_id from taskfold.tasks order by task_id limit ${idsMax + 1})
  union
  (select task_id from taskfold.events where version = 1 order by task_id limit ${idsMax + 1})
  limit ${idsMax + 1}`

/**
 * Ids begin with the millisecond they were minted at, so a point between the oldest and the newest is an id: what follows
 * it is found by the primary keys, without reading the rest.
 */
const sampleStatement = (points: readonly number[], idsMax: number) => {
  const perPoint = Math.max(1, Math.floor(idsMax / points.length / 2))
  return sql.type(taskId)`
    with ends as (
      select
        (select ('x' || translate(left(task_id::text, 13), '-', ''))::bit(48)::bigint
         from taskfold.tasks order by task_id limit 1) as first_ms,
        (select ('x' || translate(left(task_id::text, 13), '-', ''))::bit(48)::bigint
         from taskfold.tasks order by task_id desc limit 1) as last_ms
    ), points as (
      select taskfold.lowest_task_id(to_timestamp((first_ms + point * (last_ms - first_ms)) / 1000.0)) as task_id
      from ends, unnest(${sql.array([...points], 'float8')}) as given (point)
    )
    select distinct found.task_id
    from points p
    cross join lateral (
      (select h.task_id
       from taskfold.tasks h
       where h.task_id >= p.task_id
       order by h.task_id
       limit ${perPoint})
      union
      (select e.task_id
       from taskfold.events e
       where e.task_id >= p.task_id and e.version = 1
       order by e.task_id
       limit ${perPoint})
    ) found`
}
