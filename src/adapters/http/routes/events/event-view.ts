import type { FeedItem } from '#application/queries/read-feed.ts'
import type { JsonText, RecordedEvent, TaskEvent } from '#domain/task/events.ts'
import { detailOf } from '#domain/task/state.ts'
import type { TimelineEntry } from '#domain/task/timeline.ts'
import type { Due } from '#domain/time.ts'
import { findTraceId } from '../../request/request-headers.ts'
import { renderInstant, toRfc3339 } from '../tasks/task-view.ts'

/** Where people look at a trace, with `{traceId}` for its id; undefined when they have no such place. */
export type TraceUrlTemplate = string | undefined

/** One event of a history as clients see it, with the state it led to; the detail is judged at the event's own instant. */
export const renderTimelineEntry = ({ event, stateAfter }: TimelineEntry, traceUrl: TraceUrlTemplate): JsonText => {
  const state = {
    status: stateAfter.status,
    detail: detailOf(stateAfter, event.recordedAt),
    attempt: stateAfter.attempt,
  }
  const traceId = traceIdOf(event)
  const url = traceId === null ? null : (traceUrl?.replaceAll('{traceId}', traceId) ?? null)
  return `{${renderEnvelope(event)},"traceUrl":${JSON.stringify(url)},"stateAfter":${JSON.stringify(state)}}`
}

/** One event of the feed as clients see it. */
export const renderFeedItem = ({ cursor, event }: FeedItem): JsonText =>
  `{"cursor":${JSON.stringify(cursor)},"taskId":"${event.taskId}",${renderEnvelope(event)}}`

const traceIdOf = ({ context: { traceparent } }: RecordedEvent): string | null =>
  traceparent === undefined ? null : (findTraceId(traceparent) ?? null)

const renderEnvelope = (event: RecordedEvent): string => {
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
