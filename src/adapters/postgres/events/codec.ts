import { z } from 'zod'
import { UndecodableStreamError, UnstorableAppendError } from '#application/ports/events/event-store.ts'
import { parseIncarnation, trustAppendId, type TaskId } from '#domain/identifiers.ts'
import type { ErrorFacts, EventContext, RecordedEvent, TaskEvent } from '#domain/task/events.ts'
import type { Due } from '#domain/time.ts'
import { findPlainSubmission, type StoredData, storedData } from './event-schemas.ts'
import { schemaVersionOf, type Upcasters, upcast, upcasters } from './upcasters.ts'

/** The columns of one event that depend on its content. JSON columns hold text. */
export interface EncodedEvent {
  readonly type: TaskEvent['type']
  readonly data: string | null
  readonly body: string | null
  readonly meta: string | null
  readonly incarnation: string | null
  readonly attempt: number | null
  readonly timeLimitMs: number | null
  /** The size of its texts. */
  readonly bytes: number
}

/** One row of `taskfold.events`, JSON columns as text, the instant in milliseconds. */
export interface EventRow {
  readonly task_id: string
  readonly version: number
  readonly append_id: string
  readonly recorded_ms: number
  readonly type: string
  readonly data: string | null
  readonly body: string | null
  readonly meta: string | null
  /** These three of Started only. */
  readonly incarnation?: string | null
  readonly attempt?: number | null
  readonly time_limit_ms?: number | null
}

/** The largest text of one event. A payload or result of the largest legal size fits easily. */
const eventBytesMax = 2_097_152

/**
 * Turns an event into columns. Throws UnstorableAppendError for what Postgres would refuse or could not give back: a NUL
 * character, a lone surrogate, more than `eventBytesMax`.
 */
export const encodeEvent = (event: TaskEvent, context: EventContext): EncodedEvent => {
  const meta = encodeMeta(context, schemaVersionOf(upcasters, event.type))
  const encoded = toColumns(event, meta)
  if (encoded.bytes > eventBytesMax) throw new UnstorableAppendError(`an event weighs more than ${eventBytesMax} bytes`)
  return encoded
}

const toColumns = (event: TaskEvent, meta: string | null): EncodedEvent => {
  switch (event.type) {
    case 'Submitted': {
      // Spelled out, as in toEvent: a rest pattern costs more than the copy.
      const { type, queue, payload, priority, maxAttempts, timeoutMs, retry, tags } = event.data
      const settings = { type, queue, priority, maxAttempts, timeoutMs, retry, tags }
      return columns(event, meta, { ...settings, ...toStoredDue(event.data) }, payload)
    }
    case 'Started': {
      const { incarnation, attempt, timeLimitMs } = event.data
      return {
        type: event.type,
        data: null,
        body: null,
        meta,
        incarnation,
        attempt,
        timeLimitMs,
        bytes: byteLengthOf(meta),
      }
    }
    case 'Succeeded': {
      const { result, run, attempt } = event.data
      return columns(event, meta, { run, attempt }, result)
    }
    case 'Rescheduled':
      return columns(event, meta, toStoredDue(event.data))
    case 'Failed':
    case 'Retried':
    case 'Released':
    case 'Cancelled':
      return columns(event, meta, event.data)
    case 'CancelRequested':
      return columns(event, meta, null)
  }
}

const columns = (
  { type }: TaskEvent,
  meta: string | null,
  data: object | null,
  body: string | null = null,
): EncodedEvent => {
  const text = data === null ? null : JSON.stringify(data)
  const bytes = byteLengthOf(text) + byteLengthOf(body) + byteLengthOf(meta)
  return { type, data: text, body, meta, incarnation: null, attempt: null, timeLimitMs: null, bytes }
}

const toStoredDue = ({ delayMs, runAt }: Due): { readonly delayMs: number } | { readonly runAt: string } =>
  runAt === undefined ? { delayMs } : { runAt: new Date(runAt).toISOString() }

const encodeMeta = (context: EventContext, schema: number): string | null => {
  if (schema === 1 && isEmpty(context)) return null
  const text = JSON.stringify(schema === 1 ? context : { ...context, schema })
  return text === '{}' ? null : text
}

const isEmpty = (members: object): boolean => {
  for (const _member in members) return false
  return true
}

/** The bytes of a text. Throws UnstorableAppendError for one that Postgres could not store. */
const byteLengthOf = (text: string | null): number => {
  if (text === null) return 0
  assertStorable(text)
  return Buffer.byteLength(text)
}

/** `JSON.stringify` writes both as escapes; an escape whose backslash is itself escaped is only text. */
const unstorableEscape = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i

const assertStorable = (text: string): void => {
  if (text.includes('\0') || !text.isWellFormed()) throw new UnstorableAppendError('a NUL character or lone surrogate')
  if (text.includes('\\u') && unstorableEscape.test(withoutPairs(text))) {
    throw new UnstorableAppendError('an escaped NUL character or lone surrogate')
  }
}

/** Drops escaped surrogate pairs, which are whole characters. */
const withoutPairs = (text: string): string =>
  text.replaceAll(/\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/g, '')

const storedContext = z.object({
  actor: z.string().optional(),
  reason: z.string().optional(),
  correlationId: z.string().optional(),
  causationId: z.string().optional(),
  traceparent: z.string().optional(),
  /** The version of `data`; absent means 1. */
  schema: z.number().optional(),
})

/**
 * Turns the rows of one stream, in order of version, into events. Data of older versions is brought up to the present one.
 *
 * Throws UndecodableStreamError for a row that this release cannot read; it never guesses.
 */
export const decodeStream = (
  taskId: TaskId,
  rows: readonly EventRow[],
  known: Upcasters = upcasters,
): readonly RecordedEvent[] =>
  rows.map((row) => {
    try {
      return decodeRow(taskId, row, known)
    } catch (error) {
      throw new UndecodableStreamError(taskId, `event v${row.version} of task ${taskId} cannot be read`, {
        cause: error,
      })
    }
  })

const noContext: EventContext = {}

const decodeRow = (taskId: TaskId, row: EventRow, known: Upcasters): RecordedEvent => {
  const { schema = 1, ...context } = row.meta === null ? noSchema : storedContext.parse(JSON.parse(row.meta))
  return {
    ...toEvent(findRemembered(row, known, schema) ?? readStored(row, known, schema), row.body),
    taskId,
    version: row.version,
    appendId: trustAppendId(row.append_id),
    recordedAt: Math.round(row.recorded_ms),
    context: row.meta === null ? noContext : withoutUndefined(context),
  }
}

const readStored = (row: EventRow, known: Upcasters, schema: number): StoredData => {
  const raw: unknown = row.data === null ? {} : JSON.parse(row.data)
  const data = upcast(known, row.type, schema, withColumns(row, raw))
  const stored = findPlainSubmission(row.type, data) ?? storedData.parse({ type: row.type, data })
  if (isRemembered(row, known, schema)) remember(row.data, stored)
  return stored
}

/**
 * Tasks of one type mostly differ in their payloads alone, and those are stored apart: the data of their submissions is often
 * the same text. It is parsed once; the value is read-only, so all of them share it.
 */
const remembered = new Map<string, StoredData>()
const rememberedMax = 100
const rememberedLengthMax = 1_000

const isRemembered = (
  row: EventRow,
  known: Upcasters,
  schema: number,
): row is EventRow & { readonly type: 'Submitted'; readonly data: string } =>
  row.type === 'Submitted' &&
  row.data !== null &&
  row.data.length <= rememberedLengthMax &&
  known === upcasters &&
  schema === schemaVersionOf(upcasters, 'Submitted')

const findRemembered = (row: EventRow, known: Upcasters, schema: number): StoredData | undefined =>
  isRemembered(row, known, schema) ? remembered.get(row.data) : undefined

const remember = (text: string, stored: StoredData): void => {
  if (remembered.size >= rememberedMax) remembered.clear()
  remembered.set(text, stored)
}

const noSchema: z.output<typeof storedContext> = {}

const withoutUndefined = (context: z.output<typeof storedContext>): EventContext => ({
  ...(context.actor !== undefined && { actor: context.actor }),
  ...(context.reason !== undefined && { reason: context.reason }),
  ...(context.correlationId !== undefined && { correlationId: context.correlationId }),
  ...(context.causationId !== undefined && { causationId: context.causationId }),
  ...(context.traceparent !== undefined && { traceparent: context.traceparent }),
})

const withColumns = (row: EventRow, data: unknown): unknown =>
  row.type === 'Started' ? { attempt: row.attempt, incarnation: row.incarnation, timeLimitMs: row.time_limit_ms } : data

const toEvent = (stored: StoredData, body: string | null): TaskEvent => {
  switch (stored.type) {
    case 'Submitted': {
      // Spelled out: every task that runs is read here, and a rest pattern costs more than the copy.
      const { type, queue, priority, maxAttempts, timeoutMs, retry, tags } = stored.data
      const submission = { type, queue, payload: bodyOf(body), priority, maxAttempts, timeoutMs, retry, tags }
      return { type: 'Submitted', data: { ...submission, ...toDue(stored.data) } }
    }
    case 'Rescheduled':
      return { type: 'Rescheduled', data: toDue(stored.data) }
    case 'Failed': {
      const { causes, ...facts } = stored.data.error
      const error = { ...toErrorFacts(facts), ...(causes !== undefined && { causes: causes.map(toErrorFacts) }) }
      return { type: 'Failed', data: { ...stored.data, error } }
    }
    case 'Succeeded':
      return { type: 'Succeeded', data: { ...stored.data, result: bodyOf(body) } }
    case 'Started':
      return { type: 'Started', data: { ...stored.data, incarnation: parseIncarnation(stored.data.incarnation) } }
    case 'Retried':
    case 'Released':
    case 'CancelRequested':
    case 'Cancelled':
      return stored
  }
}

type StoredError = (StoredData & { readonly type: 'Failed' })['data']['error']

const toErrorFacts = ({ name, message, code, stack }: Omit<StoredError, 'causes'>): ErrorFacts => ({
  name,
  message,
  ...(code !== undefined && { code }),
  ...(stack !== undefined && { stack }),
})

const toDue = (stored: { readonly delayMs?: number | undefined; readonly runAt?: number | undefined }): Due =>
  stored.runAt === undefined ? { delayMs: stored.delayMs ?? 0 } : { runAt: stored.runAt }

const bodyOf = (body: string | null): string => {
  if (body === null) throw new TypeError('the body is missing')
  return body
}
