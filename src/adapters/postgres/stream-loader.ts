import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { type LoadedStreams, type StreamContent, UndecodableStreamError } from '#application/ports/event-store.ts'
import { parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { itself, toUuidArray } from './binary-arrays.ts'
import { decodeStream, type EventRow } from './codec.ts'
import { answerOf } from './pool.ts'
import type { EstimatedStoreClock } from './store-clock.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly storeClock: EstimatedStoreClock
  readonly monotonicMs: () => number
}

/** Loads streams in one round trip, with the server's clock. Throws StoreUnavailableError. */
export const loadStreams = async (deps: Deps, taskIds: readonly TaskId[]): Promise<LoadedStreams> => {
  const { now, rows } = await readRows(deps, taskIds)
  const streams = new Map<TaskId, StreamContent>()
  for (const stream of groupByStream(rows)) {
    const taskId = parseTaskId(stream[0]?.task_id ?? '')
    streams.set(taskId, decode(stream))
  }
  return { now, streams }
}

const decode = (rows: readonly EventRow[]): StreamContent => {
  try {
    return { kind: 'events', events: decodeStream(rows) }
  } catch (error) {
    if (error instanceof UndecodableStreamError) return { kind: 'undecodable', error }
    throw error
  }
}

/** The clock stands in a row of its own, which is there when no stream is. */
const loadedRow = z.object({
  now_ms: z.int(),
  task_id: z.string().nullable(),
  version: z.int(),
  append_id: z.string(),
  recorded_ms: z.int(),
  type: z.string(),
  data: z.string().nullable(),
  body: z.string().nullable(),
  meta: z.string().nullable(),
  incarnation: z.string().nullable(),
  attempt: z.int().nullable(),
  time_limit_ms: z.int().nullable(),
})

const readRows = async (
  { pool, storeClock, monotonicMs }: Deps,
  taskIds: readonly TaskId[],
): Promise<{ readonly now: number; readonly rows: readonly EventRow[] }> => {
  const sentAtMs = monotonicMs()
  const loaded = await answerOf(pool.many(loadStatement(taskIds)))
  const now = loaded[0]?.now_ms ?? 0
  storeClock.observe(now, sentAtMs, monotonicMs())
  return { now, rows: loaded.filter(isEventRow) }
}

const isEventRow = (row: z.output<typeof loadedRow>): row is z.output<typeof loadedRow> & EventRow =>
  row.task_id !== null

/** The bounds beside the ids let a plan made for any ids leave out the partitions that none of these is in. */
const loadStatement = (taskIds: readonly TaskId[]) => {
  const ids = toUuidArray(taskIds, itself)
  const sorted = taskIds.toSorted()
  return sql.prepared('taskfold.load', loadedRow)`
    select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms,
           e.task_id, e.version, e.append_id,
           (extract(epoch from e.recorded_at) * 1000)::bigint as recorded_ms,
           e.type, e.data::text as data, e.body::text as body, e.meta::text as meta,
           e.incarnation, e.attempt, e.time_limit_ms
    from (select) clock
    left join taskfold.events e
    on e.task_id = any(${ids === null ? null : sql.binary(ids)}::uuid[])
    and e.task_id between ${sorted[0] ?? null}::uuid and ${sorted.at(-1) ?? null}::uuid
    order by e.task_id, e.version`
}

const groupByStream = (rows: readonly EventRow[]): readonly (readonly EventRow[])[] => {
  const streams: EventRow[][] = []
  let last: EventRow[] = []
  for (const row of rows) {
    if (last[0]?.task_id !== row.task_id) {
      last = []
      streams.push(last)
    }
    last.push(row)
  }
  return streams
}
