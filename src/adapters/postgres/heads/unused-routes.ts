import { setTimeout as sleep } from 'node:timers/promises'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { UnusedRoutes } from '#application/ports/heads/unused-routes.ts'
import type { Instant } from '#domain/time.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

/** Routes that one call looks at; the others come with the next one. */
const routesMax = 10_000
/** A page of so many heads takes some ten milliseconds. */
const headsPerPage = 20_000
const pauseMs = 50

/**
 * No index finds the heads of a route: each append would pay for it. So the heads are walked, and a route that has one counts
 * as used from then on, so that it is not looked at again for a while. A head that is written behind the walk does no harm:
 * whoever writes it has learned its route within the last hours (routes.ts), and the route counts as used since then.
 */
export const createPostgresUnusedRoutes = ({ pool }: { readonly pool: DatabasePool }): UnusedRoutes => ({
  forget: async (usedBefore, signal) => {
    const unused = new Set(await withReadDeadline(pool.anyFirst(candidatesStatement(usedBefore))))
    const used: number[] = []
    let after = '00000000-0000-0000-0000-000000000000'
    while (unused.size > 0) {
      const page = await withReadDeadline(pool.one(pageStatement(after)))
      for (const route of page.routes) if (unused.delete(route)) used.push(route)
      if (page.last === null) break
      after = page.last
      await sleep(pauseMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return 0
    }
    return withReadDeadline(pool.oneFirst(forgetStatement([...unused], used, usedBefore)))
  },
})

const toTimestamp = (instant: Instant) =>
  sql.fragment`'epoch'::timestamptz + ${instant}::bigint * interval '1 millisecond'`

const candidatesStatement = (usedBefore: Instant) => sql.type(z.object({ id: z.int() }))`
  select id
  from taskfold.routes
  where used_at < ${toTimestamp(usedBefore)}
  order by used_at
  limit ${routesMax}`

const pageStatement = (after: string) => sql.type(z.object({ routes: z.array(z.int()), last: z.string().nullable() }))`
  with page as materialized (
    select task_id, route
    from taskfold.tasks
    where task_id > ${after}::uuid
    order by task_id
    limit ${headsPerPage}
  )
  select
    array(select distinct route from page) as routes,
    (select task_id from page order by task_id desc limit 1) as last`

const forgetStatement = (unused: readonly number[], used: readonly number[], usedBefore: Instant) => sql.type(
  z.object({ forgotten: z.int() }),
)`
  select taskfold.forget_routes(
    ${sql.array([...unused], 'int4')},
    ${sql.array([...used], 'int4')},
    ${toTimestamp(usedBefore)}) as forgotten`
