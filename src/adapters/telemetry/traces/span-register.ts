import type { Link, SpanContext } from '@opentelemetry/api'
import type { Append } from '#application/ports/events/event-store.ts'
import type { TaskId } from '#domain/identifiers.ts'

/** Remembers which span an append or a fresh submission belongs to, until something is done for many of them at once. */
export interface SpanRegister {
  noteAppend(append: Append, spanContext: SpanContext): void
  noteSubmission(taskId: TaskId, spanContext: SpanContext): void
  linksOfAppends(appends: readonly Append[]): readonly Link[]
  /** Forgets what it answers: a submission is pushed once. */
  takeLinksOfSubmissions(taskIds: readonly TaskId[]): readonly Link[]
}

/** Submissions whose push is still to come; the oldest are forgotten beyond this, as of those that are not due for long. */
const submissionsMax = 10_000
/** What a span may have of links; the SDK drops what is beyond its own limit, 128 unless configured. */
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
    linksOfAppends: (aboard) => toLinks(aboard.map((append) => appends.get(append))),
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
