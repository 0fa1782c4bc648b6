import { sql } from 'slonik'

/**
 * A query for `present`, the numbers of the routes above `after` that have pending heads, in order, and a null at the end. It
 * probes tasks_runnable once a route, however many heads are pending; a limit on what is read of it bounds the probes.
 */
export const presentRoutes = (after: number) => sql.fragment`
  with recursive present as (
    (select t.route
     from taskfold.tasks t
     where t.ready_at is not null and t.route > ${after}
     order by t.route
     limit 1)
    union all
    select (
      select t.route
      from taskfold.tasks t
      where t.ready_at is not null and t.route > present.route
      order by t.route
      limit 1)
    from present
    where present.route is not null
  )`
