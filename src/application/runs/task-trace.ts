import type { EventContext, RecordedEvent } from '#domain/task/events.ts'

/** The traces in the history of a task, each as a W3C traceparent. Left out where the process that appended did not trace. */
export interface TaskTrace {
  /** Of `Submitted`. */
  readonly submission?: string
  /** Of the latest `Started`. */
  readonly latestAttempt?: string
}

/** Of a task that was never traced. */
export const noTrace: TaskTrace = {}

/** The trace is kept in the history alone, so that it outlives queues, delays and processes. */
export const readTaskTrace = (events: readonly RecordedEvent[]): TaskTrace => {
  const submission = events[0]?.context.traceparent
  const latestAttempt = events.findLast((event) => event.type === 'Started')?.context.traceparent
  if (submission === undefined && latestAttempt === undefined) return noTrace
  return { ...(submission !== undefined && { submission }), ...(latestAttempt !== undefined && { latestAttempt }) }
}

/** The trace id in the traceparent of an envelope, for log lines. The traceparent was parsed before it was appended. */
export const findTraceId = ({ traceparent }: EventContext): string | undefined => traceparent?.slice(3, 35)
