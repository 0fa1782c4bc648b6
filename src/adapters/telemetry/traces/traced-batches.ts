import { context, type Link, ROOT_CONTEXT, type SpanOptions, trace, type Tracer } from '@opentelemetry/api'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { SpanRegister } from './span-register.ts'
import { noteError } from './span-attributes.ts'

/**
 * Work for many tasks at once is one span, linked to the span of each task. It is the child of none of them, because it
 * belongs to all; with a single link it is also the child of that one, so that the trace is whole.
 */
const inBatchSpan = async <Answer>(
  tracer: Tracer,
  name: string,
  options: SpanOptions & { readonly links: Link[] },
  work: () => Promise<Answer>,
): Promise<Answer> => {
  const [first, second] = options.links
  const parent =
    first === undefined || second !== undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, first.context)
  const span = tracer.startSpan(name, options, parent)
  try {
    return await context.with(trace.setSpan(parent, span), work)
  } catch (error) {
    noteError(span, error)
    throw error
  } finally {
    span.end()
  }
}

/** Makes a span of each transaction of a group commit. */
export const createTracedCommits = (tracer: Tracer, register: SpanRegister): CommitObserver => ({
  commit: (members, send) => {
    const links = [...register.linksOfAppends(members.map(({ append }) => append))]
    // Appends that belong to no trace are committed without a span.
    if (links.length === 0) return context.with(ROOT_CONTEXT, send)
    return inBatchSpan(
      tracer,
      'commit appends',
      { attributes: { 'taskfold.commit.appends': members.length }, links },
      send,
    )
  },
})

/** A queue whose pushes of fresh submissions are spans. Pulls are not: most of them find nothing. */
export const createTracedQueue = (queue: TaskQueue, tracer: Tracer, register: SpanRegister): TaskQueue => ({
  push: (hints, novelty) => {
    const links = [...register.takeLinksOfSubmissions(hints.map(({ taskId }) => taskId))]
    if (links.length === 0) return context.with(ROOT_CONTEXT, () => queue.push(hints, novelty))
    const attributes = {
      'messaging.system': 'taskfold',
      'messaging.operation.name': 'push',
      'messaging.operation.type': 'send',
      'messaging.batch.message_count': hints.length,
    }
    return inBatchSpan(tracer, 'push hints', { attributes, links }, () => queue.push(hints, novelty))
  },
  pull: (request) => queue.pull(request),
  size: (route, countMax) => queue.size(route, countMax),
})
