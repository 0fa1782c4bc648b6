import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import {
  type LoadedStreams,
  type StreamContent,
  streamsPerCallMax,
  UndecodableStreamError,
} from '#application/ports/events/event-store.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { itself, toUuidArray } from '../connection/binary-arrays.ts'
import { decodeStream, type EventRow } from './codec.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import type { EstimatedStoreClock } from './store-clock.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly storeClock: EstimatedStoreClock
  readonly monotonicMs: () => number
}

/** Whether payloads and results are read, or `null` stands in their place. */
type Extent = 'whole' | 'outline'

/** Loads up to a thousand streams in one round trip, with the server's clock. Throws StoreUnavailableError and RangeError. */
export const loadStreams = async (
  deps: Deps,
  taskIds: readonly TaskId[],
  extent: Extent = 'whole',
): Promise<LoadedStreams> => {
  if (taskIds.length > streamsPerCallMax)
    throw new RangeError(`${taskIds.length} streams in a call, at most ${streamsPerCallMax}`)
  const sorted = taskIds.toSorted()
  const { now, rows } = await readRows(deps, sorted, extent)
  const streams = new Map<TaskId, StreamContent>()
  let at = 0
  for (const stream of groupByStream(rows)) {
    const text = stream[0]?.task_id ?? ''
    while ((sorted[at] ?? text) < text) at += 1
    // The caller's own string as key: an equal string from the driver would have to be hashed and compared for each map.
    const taskId = sorted[at] === text ? sorted[at] : undefined
    if (taskId !== undefined) streams.set(taskId, decode(taskId, stream))
  }
  return { now, streams }
}

const decode = (taskId: TaskId, rows: readonly EventRow[]): StreamContent => {
  try {
    return { kind: 'events', events: decodeStream(taskId, rows) }
  } catch (error) {
    if (error instanceof UndecodableStreamError) return { kind: 'undecodable', error }
    throw error
  }
}

/**
 * Few columns, because the driver pays for each column of each row. So the clock is a row of its own, the three values that
 * only Started has are one text, and instants go by `date_part`, which unlike `extract` computes without decimals.
 */
const loadedRow = z.union([
  z.object({ task_id: z.null(), recorded_ms: z.int() }),
  z.object({
    task_id: z.string(),
    version: z.int(),
    append_id: z.string(),
    recorded_ms: z.int(),
    type: z.string(),
    data: z.string().nullable(),
    body: z.string().nullable(),
    meta: z.string().nullable(),
    started: z.string().nullable(),
  }),
])

const readRows = async (
  { pool, storeClock, monotonicMs }: Deps,
  sorted: readonly TaskId[],
  extent: Extent,
): Promise<{ readonly now: number; readonly rows: readonly EventRow[] }> => {
  const sentAtMs = monotonicMs()
  const loaded = await withReadDeadline(pool.many(loadStatement(sorted, extent)))
  const rows: EventRow[] = []
  let now = 0
  for (const row of loaded) {
    if (row.task_id === null) now = row.recorded_ms
    else rows.push(row.started === null ? row : { ...row, ...readStarted(row.started) })
  }
  storeClock.observe(now, sentAtMs, monotonicMs())
  return { now, rows }
}

/** With `between` a generic plan leaves out the partitions that hold none of these ids. */
const loadStatement = (sorted: readonly TaskId[], extent: Extent) => {
  const ids = toUuidArray(sorted, itself)
  const isWhole = extent === 'whole'
  // A statement each: the plan of one must not fetch for the other what is stored out of line.
  const body = isWhole ? sql.fragment`e.body::text` : sql.fragment`case when e.body is not null then 'null' end`
  return sql.prepared(isWhole ? 'taskfold.load' : 'taskfold.outline', loadedRow)`
    select null::uuid as task_id, null::int as version, null::uuid as append_id,
           floor(date_part('epoch', clock_timestamp()) * 1000)::bigint as recorded_ms,
           null as type, null as data, null as body, null as meta, null as started
    union all (
      select e.task_id, e.version, e.append_id, (date_part('epoch', e.recorded_at) * 1000)::bigint,
             e.type, e.data::text, ${body}, e.meta::text,
             case when e.type = 'Started' then concat_ws(' ', e.incarnation, e.attempt, e.time_limit_ms) end
      from taskfold.events e
      where e.task_id = any(${ids === null ? null : sql.binary(ids)}::uuid[])
      and e.task_id between ${sorted[0] ?? null}::uuid and ${sorted.at(-1) ?? null}::uuid
      order by e.task_id, e.version)`
}

/** Splits what the statement joined; the codec judges what is missing. */
const readStarted = (started: string): Pick<EventRow, 'incarnation' | 'attempt' | 'time_limit_ms'> => {
  const [incarnation = '', attempt, limit] = started.split(' ')
  return { incarnation, attempt: Number(attempt), time_limit_ms: Number(limit) }
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
