import type { EventContext, RecordedEvent } from '#domain/task/events.ts'

/** What the history of a task says of its trace, each a W3C traceparent. Absent where nobody traced. */
export interface TaskTrace {
  /** Of the submission. */
  readonly submission?: string
  /** Of the latest attempt. */
  readonly latestAttempt?: string
}

/** For a task whose history says nothing. */
export const noTrace: TaskTrace = {}

/** Reads the trace from a history: it is kept there and nowhere else, so that it outlives queues, delays and processes. */
export const readTaskTrace = (events: readonly RecordedEvent[]): TaskTrace => {
  const submission = events[0]?.context.traceparent
  const latestAttempt = events.findLast((event) => event.type === 'Started')?.context.traceparent
  if (submission === undefined && latestAttempt === undefined) return noTrace
  return { ...(submission !== undefined && { submission }), ...(latestAttempt !== undefined && { latestAttempt }) }
}

/** The trace id in the traceparent of an envelope, which was judged before it got there. For log lines. */
export const findTraceId = ({ traceparent }: EventContext): string | undefined => traceparent?.slice(3, 35)
