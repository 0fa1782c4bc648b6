import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { type Route, routeKey } from '#domain/route.ts'
import type {
  DueTask,
  DueWindow,
  RankedTask,
  RunnableIndex,
  SteppedOverHead,
} from '#application/ports/heads/runnable-index.ts'
import { parseTaskId } from '#domain/identifiers.ts'
import { priorityHeadStartMs } from '#domain/rank.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import { presentRoutes } from './present-routes.ts'
import type { PostgresRoutes } from './routes.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly routes: PostgresRoutes
}

/**
 * The runnable heads, by the index `tasks_runnable (route, priority, ready_at, task_id)`.
 *
 * Rank is not stored: within one priority the order of rank is that of the ready instant, so the first K by rank are among
 * the first K due ones of each priority. The priorities are found by one probe of the index each. A read costs its answer and
 * the number of priorities; tasks that are not due cost nothing. (With an index on the rank, 300,000 scheduled tasks cost
 * each read 200 ms.)
 */
export const createPostgresRunnableIndex = ({ pool, routes }: Deps): RunnableIndex => ({
  readRoutes: async (after, limit) => {
    const numbers = await withReadDeadline(pool.anyFirst(routesStatement(after ?? 0, limit)))
    const named = await routes.findRoutes(numbers)
    const without = numbers.filter((number) => !named.has(number))
    const unnamed = without.length === 0 ? [] : await withReadDeadline(pool.anyFirst(unnamedStatement(without)))
    return {
      routes: numbers.flatMap((number) => named.get(number) ?? []),
      unnamed: unnamed.map(parseTaskId),
      next: numbers.length < limit ? undefined : numbers.at(-1),
    }
  },

  readDue: async (windows) => {
    const numbers = await routes.findNumbers(windows.map((window) => window.route))
    const answers: RankedTask[][] = windows.map(() => [])
    const numbered = windows.flatMap((window, place) => {
      const route = numbers.get(routeKey(window.route))
      return route === undefined ? [] : [{ ...window, place, route }]
    })
    if (numbered.length === 0) return answers
    for (const { place, task_id, rank } of await withReadDeadline(pool.any(dueStatement(numbered)))) {
      answers[place]?.push({ taskId: parseTaskId(task_id), rank })
    }
    return answers
  },

  readDueSoon: async (wanted, withinMs, limit) => {
    const numbers = await routes.findNumbers(wanted)
    const byNumber = new Map<number, Route>()
    for (const { queue, type } of wanted) {
      const number = numbers.get(routeKey({ queue, type }))
      if (number !== undefined) byNumber.set(number, { queue, type })
    }
    if (byNumber.size === 0) return []
    const rows = await withReadDeadline(pool.any(dueSoonStatement([...byNumber.keys()], withinMs, limit)))
    return rows.flatMap(({ task_id, route, priority, ready_ms }): readonly DueTask[] => {
      const named = byNumber.get(route)
      return named === undefined ? [] : [{ taskId: parseTaskId(task_id), route: named, priority, readyAt: ready_ms }]
    })
  },

  readSteppedOver: async (shown, limit) => {
    const rows = await withReadDeadline(pool.many(steppedOverStatement(shown, limit)))
    const named = await routes.findRoutes(rows.flatMap(({ route }) => route ?? []))
    const heads = rows.flatMap((row): readonly SteppedOverHead[] => {
      const { task_id, version, route: number, priority, ready_ms, delay_ms } = row
      const route = number === null ? undefined : named.get(number)
      if (task_id === null || route === undefined) return []
      return [{ taskId: parseTaskId(task_id), route, version, priority, readyAt: ready_ms, delayMs: delay_ms }]
    })
    return { now: rows[0]?.now_ms ?? shown, heads }
  },
})

/** Ids are minted up to some seconds ahead of the clock; a step back by less than this only costs that time. */
const mintedAheadMsMax = 15_000

/** The routes that have runnable heads, by one probe of the index each; a route without costs nothing. */
const routesStatement = (after: number, limit: number) => sql.type(z.object({ route: z.int() }))`
  ${presentRoutes(after)}
  select route
  from present
  where route is not null
  limit ${limit}`

const unnamedMax = 1_000

const unnamedStatement = (numbers: readonly number[]) => sql.type(z.object({ task_id: z.string() }))`
  select task_id
  from taskfold.tasks
  where ready_at is not null
  and route = any (${sql.array([...numbers], 'int4')})
  limit ${unnamedMax}`

type NumberedWindow = Omit<DueWindow, 'route'> & { readonly place: number; readonly route: number }

/** The priorities of the runnable heads of the route `w.route`, by one probe of the index each. */
const priorities = sql.fragment`
  with recursive present as (
    (select t.priority
     from taskfold.tasks t
     where t.route = w.route and t.ready_at is not null
     order by t.priority
     limit 1)
    union all
    select (
      select t.priority
      from taskfold.tasks t
      where t.route = w.route and t.ready_at is not null and t.priority > present.priority
      order by t.priority
      limit 1)
    from present
    where present.priority is not null
  )`

/** Ranks are compared as instants, which is cheaper than as numbers; only those in the answer become numbers. */
const headStart = sql.fragment`present.priority * ${priorityHeadStartMs}::float8 * interval '1 millisecond'`

const dueStatement = (windows: readonly NumberedWindow[]) => {
  const ints = (values: readonly number[]) => sql.array([...values], 'int4')
  const places = ints(windows.map((window) => window.place))
  const numbers = ints(windows.map((window) => window.route))
  const limits = ints(windows.map((window) => window.limit))
  const readyFor = ints(windows.map((window) => window.readyForMs ?? 0))
  const ranks = sql.array(
    windows.map((window) => window.after?.rank ?? null),
    'int8',
  )
  const ids = sql.array(
    windows.map((window) => window.after?.taskId ?? null),
    'uuid',
  )
  return sql.type(z.object({ place: z.int(), task_id: z.string(), rank: z.int() }))`
    select w.place, due.task_id, (extract(epoch from due.rank_at) * 1000)::bigint as rank
    from unnest(${places}, ${numbers}, ${ranks}, ${ids}, ${limits}, ${readyFor})
      as w (place, route, after_rank, after_id, max, ready_for_ms)
    cross join lateral (
      ${priorities}
      select d.task_id, d.rank_at
      from present
      cross join lateral (
        select t.task_id, t.ready_at - ${headStart} as rank_at
        from taskfold.tasks t
        where t.route = w.route
        and t.priority = present.priority
        and t.ready_at <= now() - w.ready_for_ms * interval '1 millisecond'
        and (t.ready_at, t.task_id) > (
          coalesce('epoch'::timestamptz + w.after_rank * interval '1 millisecond' + ${headStart}, '-infinity'),
          coalesce(w.after_id, '00000000-0000-0000-0000-000000000000'))
        order by t.ready_at, t.task_id
        limit w.max) d
      order by d.rank_at, d.task_id
      limit w.max) due
    order by w.place, due.rank_at, due.task_id`
}

const dueSoonRow = z.object({ task_id: z.string(), route: z.int(), priority: z.int(), ready_ms: z.int() })

const dueSoonStatement = (numbers: readonly number[], withinMs: number, limit: number) => sql.type(dueSoonRow)`
  select soon.task_id, w.route, soon.priority, (extract(epoch from soon.ready_at) * 1000)::bigint as ready_ms
  from unnest(${sql.array([...numbers], 'int4')}) as w (route)
  cross join lateral (
    ${priorities}
    select d.task_id, present.priority, d.ready_at
    from present
    cross join lateral (
      select t.task_id, t.ready_at
      from taskfold.tasks t
      where t.route = w.route
      and t.priority = present.priority
      and t.ready_at > now()
      and t.ready_at <= now() + ${withinMs}::bigint * interval '1 millisecond'
      order by t.ready_at, t.task_id
      limit ${limit}) d
    order by d.ready_at, d.task_id
    limit ${limit}) soon
  order by soon.ready_at, soon.task_id`

const steppedOverRow = z.object({
  now_ms: z.int(),
  task_id: z.string().nullable(),
  version: z.int(),
  route: z.int().nullable(),
  priority: z.int(),
  ready_ms: z.int(),
  delay_ms: z.int(),
})

/**
 * One row for the clock alone when there are no such heads. The heads that wait are read whole, for no index has their delays.
 * A reader that saw no step must not take back what another one has told meanwhile: the row is read again when it is written.
 */
const steppedOverStatement = (shown: number, limit: number) => sql.type(steppedOverRow)`
  with clock as (
    select
      now.at,
      seen.shown,
      now.at < greatest(seen.shown, seen.latest) - interval '1 second' or exists (
        select
        from taskfold.tasks newest
        where newest.task_id >= taskfold.lowest_task_id(now.at + ${mintedAheadMsMax}::bigint * interval '1 millisecond')
        limit 1) as lies_behind
    from (select clock_timestamp() as at) now, (
      select latest, 'epoch'::timestamptz + ${shown}::bigint * interval '1 millisecond' as shown
      from taskfold.clock) seen
  ), heads as materialized (
    select t.task_id, t.version, t.route, t.priority, t.ready_at, t.last_at
    from clock, taskfold.tasks t
    where clock.lies_behind
    and t.ready_at > clock.at
    and t.last_at > clock.at
    order by t.ready_at - t.last_at, t.ready_at, t.task_id
    limit ${limit}
  ), noted as (
    update taskfold.clock noted
    set latest = case
      when clock.lies_behind and not exists (select from heads) then clock.at
      else greatest(noted.latest, clock.at, clock.shown)
    end
    from clock
  )
  select
    (extract(epoch from clock.at) * 1000)::bigint as now_ms,
    h.task_id,
    coalesce(h.version, 0) as version,
    h.route,
    coalesce(h.priority, 0) as priority,
    coalesce((extract(epoch from h.ready_at) * 1000)::bigint, 0) as ready_ms,
    coalesce((extract(epoch from h.ready_at - h.last_at) * 1000)::bigint, 0) as delay_ms
  from clock
  left join heads h on true
  order by h.ready_at - h.last_at, h.ready_at, h.task_id`
