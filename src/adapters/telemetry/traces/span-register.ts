import type { Link, SpanContext } from '@opentelemetry/api'
import type { Append } from '#application/ports/events/event-store.ts'
import type { TaskId } from '#domain/identifiers.ts'

/** Remembers the spans of appends and of fresh submissions, until a commit or a push of many is linked to them. */
export interface SpanRegister {
  noteAppend(append: Append, spanContext: SpanContext): void
  noteSubmission(taskId: TaskId, spanContext: SpanContext): void
  linksOfAppends(appends: readonly Append[]): readonly Link[]
  /** Forgets the submissions that it answers: each is pushed once. */
  takeLinksOfSubmissions(taskIds: readonly TaskId[]): readonly Link[]
}

/** Submissions that were not pushed yet. Beyond this the oldest are forgotten: tasks due much later are never pushed here. */
const submissionsMax = 10_000
/** Links of one span. The SDK drops those beyond its own limit, which is 128 unless configured. */
const linksMax = 1_000

export const createSpanRegister = (): SpanRegister => {
  const appends = new WeakMap<Append, SpanContext>()
  const submissions = new Map<TaskId, SpanContext>()

  const forgetOldest = (): void => {
    const [oldest] = submissions.keys()
    if (oldest !== undefined) submissions.delete(oldest)
  }

  return {
    noteAppend: (append, spanContext) => {
      appends.set(append, spanContext)
    },
    noteSubmission: (taskId, spanContext) => {
      if (submissions.size >= submissionsMax) forgetOldest()
      submissions.set(taskId, spanContext)
    },
    linksOfAppends: (committed) => toLinks(committed.map((append) => appends.get(append))),
    takeLinksOfSubmissions: (taskIds) => {
      const found = taskIds.map((taskId) => submissions.get(taskId))
      for (const taskId of taskIds) submissions.delete(taskId)
      return toLinks(found)
    },
  }
}

const toLinks = (found: readonly (SpanContext | undefined)[]): readonly Link[] =>
  found
    .filter((spanContext) => spanContext !== undefined)
    .slice(0, linksMax)
    .map((spanContext) => ({ context: spanContext }))
