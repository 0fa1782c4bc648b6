import { type QuerySqlToken, sql } from 'slonik'
import { z } from 'zod'
import { type Append, type AppendVerdict, UnstorableAppendError } from '#application/ports/events/event-store.ts'
import { judgeKey } from '#application/ports/events/submit-keys.ts'
import { parseTaskId } from '#domain/identifiers.ts'
import { readyInstant } from '#domain/time.ts'
import type { BatchItem } from '../group-commit/append-queue.ts'
import type { Busy } from '../group-commit/group-commit.ts'
import type { Locking } from '../group-commit/locking.ts'
import {
  type BinaryArray,
  itself,
  toBigintArray,
  toByteaArray,
  toIntArray,
  toJsonArray,
  toTextArray,
  toUuidArray,
} from '../connection/binary-arrays.ts'
import { type EncodedEvent, encodeEvent } from './codec.ts'

/** An append whose events are encoded, ready for a batch. */
export interface EncodedAppend extends BatchItem {
  readonly append: Append
  readonly events: readonly PlacedEvent[]
  /** Of an append that begins a stream; null otherwise, because a head keeps its route. */
  readonly route: number | null
  /** When the route was learned, as PostgresRoutes counts it. */
  readonly era: number
}

/** An encoded event with its version in the stream. */
interface PlacedEvent {
  readonly append: Append
  readonly version: number
  readonly columns: EncodedEvent
}

/** Throws UnstorableAppendError for a value that the server would refuse, because that would fail the whole batch. */
export const encodeAppend = (append: Append, route: number | null, era = 0): EncodedAppend => {
  const { taskId, head, context, key } = append
  const fault = key && judgeKey(key)
  if (fault !== undefined) throw new UnstorableAppendError(fault)
  assertWhole(head.due?.delayMs, Number.MAX_SAFE_INTEGER)
  assertWhole(head.due?.runAt, Number.MAX_SAFE_INTEGER)
  assertWhole(head.version, int4Max)
  assertWhole(head.attempt, int4Max)
  assertWhole(head.run, int4Max)
  assertWhole(head.priority, int4Max)
  const events: PlacedEvent[] = []
  let version = append.expectedVersion
  let bytes = 0
  for (const event of append.events) {
    version += 1
    const columns = encodeEvent(event, context)
    assertWhole(columns.timeLimitMs ?? undefined, int4Max)
    events.push({ append, version, columns })
    bytes += columns.bytes
  }
  return { streamId: taskId, append, events, route, era, bytes }
}

const int4Max = 2_147_483_647

const assertWhole = (value: number | undefined, most: number): void => {
  if (value !== undefined && (!Number.isSafeInteger(value) || Math.abs(value) > most)) {
    throw new UnstorableAppendError(`${value} is not a whole number up to ${most}`)
  }
}

const answerRow = z.object({ recorded_ms: z.int(), others: z.unknown() })

/** The server's answer for a batch; `others` are the appends that were not simply stored: see migrations/functions/append.sql. */
export type AppendAnswer = z.output<typeof answerRow>

/** One call of `taskfold.append` for a batch of different streams. */
export interface AppendStatement {
  readonly query: QuerySqlToken<typeof answerRow>
  /** In the order the server gets them: those that begin streams, then the others, each by id. */
  readonly sorted: readonly EncodedAppend[]
}

/**
 * With `atomic` all appends are stored or none: the server raises TF002 when one cannot be. `toldMs`: an instant that the row
 * of the clock is known to have been raised to.
 */
export const toAppendStatement = (
  batch: readonly EncodedAppend[],
  mode: 'each' | 'atomic',
  locking: Locking = 'skip-locked',
  toldMs = 0,
): AppendStatement => {
  const byId = batch.toSorted((a, b) => (a.streamId < b.streamId ? -1 : 1))
  const firsts = byId.filter((encoded) => encoded.route !== null)
  const sorted = [...firsts, ...byId.filter((encoded) => encoded.route === null)]
  const appends = toAppendColumns(sorted)
  const events = toEventColumns(sorted)
  const keys = toKeyColumns(firsts)
  const query = sql.prepared('taskfold.append', answerRow)`
    select recorded_ms, others
    from taskfold.append(
      ${firsts.length}::int,
      ${bind(appends.event)}::int[], ${bind(appends.version)}::int[], ${bind(appends.status)}::text[],
      ${bind(appends.attempt)}::int[], ${bind(appends.run)}::int[], ${bind(appends.incarnation)}::uuid[],
      ${bind(appends.claimed)}::uuid[],
      ${bind(appends.delayMs)}::bigint[], ${bind(appends.runAtMs)}::bigint[],
      ${bind(appends.route)}::int[], ${bind(appends.priority)}::int[],
      ${bind(events.task)}::uuid[], ${bind(events.version)}::int[], ${bind(events.append)}::uuid[],
      ${bind(events.type)}::text[], ${bind(events.data)}::json[], ${bind(events.body)}::json[],
      ${bind(events.meta)}::json[], ${bind(events.incarnation)}::uuid[], ${bind(events.attempt)}::int[],
      ${bind(events.timeLimitMs)}::int[],
      ${mode === 'atomic'}::boolean, ${locking}::text, ${toldMs}::bigint,
      ${bind(keys.scope)}::text[], ${bind(keys.key)}::text[], ${bind(keys.fingerprint)}::bytea[])`
  return { query, sorted }
}

const bind = (array: BinaryArray) => (array === null ? null : sql.binary(array))

const toAppendColumns = (sorted: readonly EncodedAppend[]) => {
  const heads = sorted.map(({ append }) => append.head)
  return {
    event: toIntArray(firstEventsOf(sorted), itself),
    version: toIntArray(heads, (head) => head.version),
    status: toTextArray(heads, (head) => head.status),
    attempt: toIntArray(heads, (head) => head.attempt),
    run: toIntArray(heads, (head) => head.run ?? null),
    incarnation: toUuidArray(heads, (head) => head.incarnation ?? null),
    claimed: toUuidArray(sorted, ({ append }) => append.claim ?? null),
    delayMs: toBigintArray(heads, (head) => head.due?.delayMs ?? null),
    runAtMs: toBigintArray(heads, (head) => head.due?.runAt ?? null),
    route: toIntArray(sorted, (encoded) => encoded.route),
    priority: toIntArray(sorted, ({ append, route }) => (route === null ? null : append.head.priority)),
  }
}

/** All null when no append has a key: then the server skips the step for keys. */
const toKeyColumns = (firsts: readonly EncodedAppend[]) => {
  const keys = firsts.map(({ append }) => append.key)
  return {
    scope: toTextArray(keys, (key) => key?.scope ?? null),
    key: toTextArray(keys, (key) => key?.key ?? null),
    fingerprint: toByteaArray(keys, (key) => key?.fingerprint ?? null),
  }
}

const toEventColumns = (sorted: readonly EncodedAppend[]) => {
  const events: PlacedEvent[] = []
  for (const encoded of sorted) for (const event of encoded.events) events.push(event)
  return {
    task: toUuidArray(events, (event) => event.append.taskId),
    version: toIntArray(events, (event) => event.version),
    append: toUuidArray(events, (event) => event.append.appendId),
    type: toTextArray(events, (event) => event.columns.type),
    data: toJsonArray(events, (event) => event.columns.data),
    body: toJsonArray(events, (event) => event.columns.body),
    meta: toJsonArray(events, (event) => event.columns.meta),
    incarnation: toUuidArray(events, (event) => event.columns.incarnation),
    attempt: toIntArray(events, (event) => event.columns.attempt),
    timeLimitMs: toIntArray(events, (event) => event.columns.timeLimitMs),
  }
}

/** For each append the index of its first event, counted from 1 as the server does: it names the append by that. */
const firstEventsOf = (sorted: readonly EncodedAppend[]): readonly number[] => {
  let next = 1
  return sorted.map((encoded) => {
    const first = next
    next += encoded.events.length
    return first
  })
}

const otherVerdicts = z.array(
  z.object({
    event: z.int(),
    verdict: z.enum(['appended', 'already', 'duplicate', 'busy', 'conflict']),
    version: z.int().optional(),
    recordedAt: z.int().optional(),
    taskId: z.string().optional(),
    fingerprint: z.string().optional(),
  }),
)

type OtherVerdict = z.output<typeof otherVerdicts>[number]

/** Tells the verdict on each append of the statement. Throws a ZodError for an answer that makes no sense. */
export const toVerdicts = (
  { sorted }: AppendStatement,
  { recorded_ms, others }: AppendAnswer,
): ((encoded: EncodedAppend) => AppendVerdict | Busy) => {
  const exceptions = new Map<EncodedAppend, OtherVerdict>()
  if (others !== null && others !== undefined) {
    const byEvent = new Map(otherVerdicts.parse(others).map((other) => [other.event, other]))
    const firstEvents = firstEventsOf(sorted)
    for (const [index, encoded] of sorted.entries()) {
      const other = byEvent.get(firstEvents[index] ?? 0)
      if (other !== undefined) exceptions.set(encoded, other)
    }
  }
  return (encoded) => toVerdict(encoded.append, exceptions.get(encoded), recorded_ms)
}

const toVerdict = (
  { head }: Append,
  other: OtherVerdict | undefined,
  batchRecordedAt: number,
): AppendVerdict | Busy => {
  const recordedAt = other?.recordedAt ?? batchRecordedAt
  switch (other?.verdict) {
    case undefined:
    case 'appended': {
      const readyAt = head.due === undefined ? undefined : readyInstant(head.due, recordedAt)
      return { kind: 'appended', recordedAt, readyAt }
    }
    case 'already':
      return { kind: 'already', recordedAt, headVersion: other.version ?? head.version }
    case 'duplicate':
      return { kind: 'duplicate', taskId: parseTaskId(other.taskId ?? ''), fingerprint: other.fingerprint ?? '' }
    case 'busy':
      return { kind: 'busy' }
    case 'conflict':
      return { kind: 'conflict', headVersion: other.version }
  }
}
