import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { parseAppendId, parseIncarnation, parseTaskId, type TaskId } from '#domain/identifiers.ts'
import type { Route } from '#domain/route.ts'
import type { Head } from '#domain/task/head.ts'
import {
  type BinaryArray,
  itself,
  toBigintArray,
  toIntArray,
  toTextArray,
  toUuidArray,
} from '../connection/binary-arrays.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import type { PostgresRoutes } from './routes.ts'

/** A row of `taskfold.tasks`, instants in milliseconds. */
export const headRow = z.object({
  task_id: z.string(),
  version: z.int(),
  status: z.enum(['PENDING', 'PROCESSING', 'SUCCESS', 'FAILED', 'CANCELLED']),
  route: z.int(),
  priority: z.int(),
  attempt: z.int(),
  run: z.int().nullable(),
  incarnation: z.string().nullable(),
  claim: z.string().nullable(),
  ready_ms: z.int().nullable(),
  last_ms: z.int(),
})

/** Selects the members of `headRow` from `taskfold.tasks h`. */
export const headColumns = sql.fragment`
  h.task_id, h.version, h.status, h.route, h.priority, h.attempt, h.run, h.incarnation, h.claim,
  (extract(epoch from h.ready_at) * 1000)::bigint as ready_ms,
  (extract(epoch from h.last_at) * 1000)::bigint as last_ms`

/** Heads in the order of their rows. Throws StoreUnavailableError when a route must be looked up and cannot be. */
export const toHeads = async (
  routes: PostgresRoutes,
  rows: readonly z.output<typeof headRow>[],
): Promise<readonly Head[]> => {
  const named = await routes.findRoutes(rows.map(({ route }) => route))
  return rows.map((row) => toHead(row, named.get(row.route)))
}

/**
 * In place of a route that is not there, because it was learned in commits that a failover lost. No queue or type has an empty
 * name: such a head is unlike its events, and is repaired from them.
 */
const noRoute: Route = { queue: '', type: '' }

const toHead = (row: z.output<typeof headRow>, route = noRoute): Head => {
  return {
    taskId: parseTaskId(row.task_id),
    version: row.version,
    status: row.status,
    queue: route.queue,
    type: route.type,
    priority: row.priority,
    attempt: row.attempt,
    run: row.run ?? undefined,
    incarnation: row.incarnation === null ? undefined : parseIncarnation(row.incarnation),
    claim: row.claim === null ? undefined : parseAppendId(row.claim),
    readyAt: row.ready_ms ?? undefined,
    lastAt: row.last_ms,
  }
}

const bind = (array: BinaryArray) => (array === null ? null : sql.binary(array))

/**
 * Sets those heads whose streams still end at their version. The others are left to the append that has moved the stream.
 * Answers which heads differed or were missing. At most 1000 in one transaction. Throws StoreUnavailableError.
 */
export const repairHeads = async (
  { pool, routes }: { readonly pool: DatabasePool; readonly routes: PostgresRoutes },
  heads: readonly Head[],
): Promise<readonly TaskId[]> => {
  const numbers = await Promise.all(heads.map((head) => routes.numberOf(head)))
  const repaired = await withReadDeadline(
    pool.anyFirst(sql.type(z.object({ task_id: z.string() }))`
      select task_id
      from taskfold.repair_heads(
        ${bind(toUuidArray(heads, (head) => head.taskId))}::uuid[],
        ${bind(toIntArray(heads, (head) => head.version))}::int[],
        ${bind(toTextArray(heads, (head) => head.status))}::text[],
        ${bind(toIntArray(heads, (head) => head.attempt))}::int[],
        ${bind(toIntArray(heads, (head) => head.run ?? null))}::int[],
        ${bind(toUuidArray(heads, (head) => head.incarnation ?? null))}::uuid[],
        ${bind(toUuidArray(heads, (head) => head.claim ?? null))}::uuid[],
        ${bind(toBigintArray(heads, (head) => head.readyAt ?? null))}::bigint[],
        ${bind(toBigintArray(heads, (head) => head.lastAt))}::bigint[],
        ${bind(toIntArray(numbers, itself))}::int[],
        ${bind(toIntArray(heads, (head) => head.priority))}::int[]) as task_id`),
  )
  return repaired.map(parseTaskId)
}
