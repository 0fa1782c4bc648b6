import { type DatabasePool, type FragmentSqlToken, sql } from 'slonik'
import { z } from 'zod'
import {
  loadBytesMax,
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

/**
 * Loads streams, with the server's clock. One round trip, as long as no content is larger than its share of `loadBytesMax`;
 * a second one for the larger contents of as many streams as there is room for. Throws
 * StoreUnavailableError and RangeError.
 */
export const loadStreams = async (
  deps: Deps,
  taskIds: readonly TaskId[],
  extent: Extent = 'whole',
): Promise<LoadedStreams> => {
  if (taskIds.length > streamsPerCallMax)
    throw new RangeError(`${taskIds.length} streams in a call, at most ${streamsPerCallMax}`)
  const sorted = taskIds.toSorted()
  const read = await readRows(deps, sorted, extent)
  const { rows, leftOut } = await fillIn(deps.pool, read, extent)
  const streams = new Map<TaskId, StreamContent>()
  let at = 0
  for (const stream of groupByStream(rows)) {
    const text = stream[0]?.task_id ?? ''
    while ((sorted[at] ?? text) < text) at += 1
    // The caller's own string as key: an equal string from the driver would have to be hashed and compared for each map.
    const taskId = sorted[at] === text ? sorted[at] : undefined
    if (taskId !== undefined) streams.set(taskId, decode(taskId, stream))
  }
  return { now: read.now, streams, leftOut: leftOut.size === 0 ? [] : sorted.filter((taskId) => leftOut.has(taskId)) }
}

/** A row without its contents, which are so large that they are fetched apart. */
interface LargeRow {
  readonly task_id: string
  readonly version: number
  readonly bytes: number
}

interface ReadRows {
  readonly rows: readonly EventRow[]
  readonly large: readonly LargeRow[]
}

interface FilledRows {
  readonly rows: readonly EventRow[]
  /** The streams whose contents had no room. */
  readonly leftOut: ReadonlySet<string>
}

/** Fetches the contents of large rows, stream by stream until there is no more room. */
const fillIn = async (pool: DatabasePool, { rows, large }: ReadRows, extent: Extent): Promise<FilledRows> => {
  if (large.length === 0) return { rows, leftOut: nothing }
  const wanted: LargeRow[] = []
  const leftOut = new Set<string>()
  let bytes = 0
  for (const [taskId, ofStream] of Map.groupBy(large, (row) => row.task_id)) {
    const added = ofStream.reduce((sum, row) => sum + row.bytes, 0)
    if (wanted.length > 0 && bytes + added > loadBytesMax) leftOut.add(taskId)
    else {
      bytes += added
      wanted.push(...ofStream)
    }
  }
  const contents = new Map<string, z.output<typeof contentRow>>()
  for (const row of await withReadDeadline(pool.any(contentStatement(wanted)))) {
    contents.set(`${row.task_id} ${row.version}`, row)
  }
  const filled = rows.flatMap((row) => {
    if (leftOut.has(row.task_id)) return []
    const content = contents.get(`${row.task_id} ${row.version}`)
    return content === undefined
      ? [row]
      : [{ ...row, data: content.data, body: extent === 'whole' ? content.body : row.body }]
  })
  return { rows: filled, leftOut }
}

const nothing: ReadonlySet<string> = new Set()

const contentRow = z.object({
  task_id: z.string(),
  version: z.int(),
  data: z.string().nullable(),
  body: z.string().nullable(),
})

const contentStatement = (wanted: readonly LargeRow[]) => {
  const ids = sql.array(
    wanted.map((row) => row.task_id),
    'uuid',
  )
  const versions = sql.array(
    wanted.map((row) => row.version),
    'int4',
  )
  return sql.type(contentRow)`
    select e.task_id, e.version, e.data::text as data, e.body::text as body
    from unnest(${ids}, ${versions}) w (task_id, version)
    join taskfold.events e on e.task_id = w.task_id and e.version = w.version`
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
 * Few columns, because the driver pays for each column of each row. So the clock is a row of its own, and the three values
 * that only Started has are one text, which in other rows is `#` and the weight of contents that were too large. Instants go by
 * `date_part`, which unlike `extract` computes without decimals.
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
    extra: z.string().nullable(),
  }),
])

const readRows = async (
  { pool, storeClock, monotonicMs }: Deps,
  sorted: readonly TaskId[],
  extent: Extent,
): Promise<ReadRows & { readonly now: number }> => {
  const sentAtMs = monotonicMs()
  const loaded = await withReadDeadline(pool.many(loadStatement(sorted, extent)))
  const rows: EventRow[] = []
  const large: LargeRow[] = []
  let now = 0
  for (const row of loaded) {
    if (row.task_id === null) now = row.recorded_ms
    else if (row.extra === null) rows.push(row)
    else if (row.extra.startsWith('#')) {
      rows.push(row)
      large.push({ task_id: row.task_id, version: row.version, bytes: Number(row.extra.slice(1)) })
    } else rows.push({ ...row, ...readStarted(row.extra) })
  }
  storeClock.observe(now, sentAtMs, monotonicMs())
  return { now, rows, large }
}

/** The weight of a content; 0 for a small one, which is not unpacked for it. */
const bytesOf = (content: FragmentSqlToken): FragmentSqlToken => sql.fragment`
  case
    when ${content} is null or (pg_column_compression(${content}) is null and pg_column_size(${content}) < 2000) then 0
    else octet_length(${content}::text)
  end`

/**
 * With `between` a generic plan leaves out the partitions that hold none of these ids.
 *
 * A content is weighed only when it is compressed or stored apart, as those above some 2,000 bytes are: to weigh it is to
 * unpack it. A load of one stream is never cut, unless it alone holds more than a load may.
 */
const loadStatement = (sorted: readonly TaskId[], extent: Extent) => {
  const ids = toUuidArray(sorted, itself)
  const share = Math.floor(loadBytesMax / Math.max(1, sorted.length))
  // A statement each: the plan of one must not fetch for the other what is stored out of line.
  const [name, body, bodyBytes] =
    extent === 'whole'
      ? [
          'taskfold.load',
          sql.fragment`case when w.bytes <= ${share} then e.body::text end`,
          bytesOf(sql.fragment`e.body`),
        ]
      : ['taskfold.outline', sql.fragment`case when e.body is not null then 'null' end`, sql.fragment`0`]
  return sql.prepared(name, loadedRow)`
    select null::uuid as task_id, null::int as version, null::uuid as append_id,
           floor(date_part('epoch', clock_timestamp()) * 1000)::bigint as recorded_ms,
           null as type, null as data, null as body, null as meta, null as extra
    union all (
      select e.task_id, e.version, e.append_id, (date_part('epoch', e.recorded_at) * 1000)::bigint,
             e.type,
             case when w.bytes <= ${share} then e.data::text end,
             ${body},
             e.meta::text,
             case
               when e.type = 'Started' then concat_ws(' ', e.incarnation, e.attempt, e.time_limit_ms)
               when w.bytes > ${share} then '#' || w.bytes
             end
      from taskfold.events e
      cross join lateral (
        select ${bodyBytes} + ${bytesOf(sql.fragment`e.data`)} as bytes
        offset 0) w
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
