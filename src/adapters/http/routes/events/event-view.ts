import { z } from 'zod'
import type { JsonText, RecordedEvent, TaskEvent } from '#domain/task/events.ts'
import type { Due } from '#domain/time.ts'
import { findTraceId } from '../../request/request-headers.ts'
import { instantView, renderInstant, toRfc3339 } from '../instant-view.ts'
import { submissionExample } from '../tasks/submit/task-input.ts'

const types = [
  'Submitted',
  'Started',
  'Failed',
  'Retried',
  'Succeeded',
  'Released',
  'Rescheduled',
  'CancelRequested',
  'Cancelled',
] as const satisfies readonly TaskEvent['type'][]

/** The members that an event has in the history of its task and in the feed. */
export const eventView = {
  version: z.int().min(1),
  type: z.enum(types),
  data: z.record(z.string(), z.unknown()),
  recordedAt: instantView,
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  traceId: z.string().nullable(),
}

export const eventExample = {
  version: 1,
  type: 'Submitted',
  data: submissionExample,
  recordedAt: '2026-01-01T00:00:00.000Z',
  actor: 'ada',
  reason: null,
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
}

/** One event of the feed; `cursor` is the text that resumes after it. */
export const renderFeedEvent = (cursor: string, event: RecordedEvent): JsonText =>
  `{"cursor":${JSON.stringify(cursor)},"taskId":"${event.taskId}",${renderEnvelope(event)}}`

/** The trace that an event was recorded in. */
export const traceIdOf = ({ context: { traceparent } }: RecordedEvent): string | null =>
  traceparent === undefined ? null : (findTraceId(traceparent) ?? null)

/** The members of `eventView` as JSON text without braces. */
export const renderEnvelope = (event: RecordedEvent): string => {
  const { actor = null, reason = null } = event.context
  const traceId = traceIdOf(event)
  return (
    `"version":${event.version},"type":"${event.type}","data":${renderData(event)},` +
    `"recordedAt":${renderInstant(event.recordedAt)},` +
    `"actor":${JSON.stringify(actor)},"reason":${JSON.stringify(reason)},"traceId":${JSON.stringify(traceId)}`
  )
}

const renderData = (event: TaskEvent): JsonText => {
  switch (event.type) {
    case 'Submitted': {
      const { type, queue, payload, priority, maxAttempts, timeoutMs, retry, tags } = event.data
      const before = JSON.stringify({ type, queue }).slice(0, -1)
      const after = JSON.stringify({ priority, ...toDueView(event.data), maxAttempts, timeoutMs, retry, tags }).slice(1)
      return `${before},"payload":${payload},${after}`
    }
    case 'Succeeded': {
      const { run, attempt, result } = event.data
      return `{"run":${run},"attempt":${attempt},"result":${result}}`
    }
    case 'Rescheduled':
      return JSON.stringify(toDueView(event.data))
    case 'Started':
    case 'Failed':
    case 'Retried':
    case 'Released':
    case 'CancelRequested':
    case 'Cancelled':
      return JSON.stringify(event.data)
  }
}

const toDueView = (due: Due): Readonly<Record<string, string | number>> =>
  due.runAt === undefined ? { delayMs: due.delayMs } : { runAt: toRfc3339(due.runAt) }
