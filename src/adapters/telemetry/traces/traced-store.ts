import { type Context, context, type Span, SpanKind, trace, type Tracer } from '@opentelemetry/api'
import type { Append, EventStore } from '#application/ports/events/event-store.ts'
import { describeTask, noteError } from './span-attributes.ts'
import type { SpanRegister } from './span-register.ts'
import { toParentContext, toTraceparent } from './traceparent.ts'

/**
 * An event store whose appends are spans. A submission begins the trace of its task, or continues the caller's; its span
 * goes into the envelope, so that each attempt, wherever and whenever it runs, becomes a child of it.
 *
 * An append that belongs to no trace, such as recovery's, gets no span: the span would be a trace of its own.
 */
export const createTracedEventStore = (store: EventStore, tracer: Tracer, register: SpanRegister): EventStore => ({
  append: async (append) => {
    const traced = begin(tracer, register, append)
    if (traced === undefined) return store.append(append)
    const { span, inner } = traced
    try {
      const verdict = await context.with(inner, () => store.append(traced.append))
      span.setAttribute('taskfold.append.verdict', verdict.kind)
      return verdict
    } catch (error) {
      noteError(span, error)
      throw error
    } finally {
      span.end()
    }
  },

  appendAll: async (appends) => {
    const all = appends.map((append) => ({ given: append, traced: begin(tracer, register, append) }))
    try {
      const verdict = await store.appendAll(all.map(({ given, traced }) => traced?.append ?? given))
      for (const { traced } of all) traced?.span.setAttribute('taskfold.append.verdict', verdict.kind)
      return verdict
    } catch (error) {
      for (const { traced } of all) if (traced !== undefined) noteError(traced.span, error)
      throw error
    } finally {
      for (const { traced } of all) traced?.span.end()
    }
  },

  loadStream: (taskId) => store.loadStream(taskId),
  loadStreams: (taskIds) => store.loadStreams(taskIds),
  loadOutlines: (taskIds) => store.loadOutlines(taskIds),
})

interface TracedAppend {
  readonly span: Span
  readonly inner: Context
  readonly append: Append
}

const begin = (tracer: Tracer, register: SpanRegister, append: Append): TracedAppend | undefined => {
  const isSubmission = append.expectedVersion === 0
  const active = trace.getSpan(context.active())
  if (active === undefined && append.context.traceparent === undefined && !isSubmission) return undefined
  // The active span comes first: it is the HTTP server's, and a child of the span that the caller named.
  const outer = active === undefined ? toParentContext(append.context.traceparent) : context.active()
  const span = isSubmission ? beginSubmission(tracer, append, outer) : beginAppend(tracer, append, outer)
  const carried = isSubmission || active === undefined ? span : active
  const traced = { ...append, context: { ...append.context, traceparent: toTraceparent(carried.spanContext()) } }
  register.noteAppend(traced, span.spanContext())
  if (isSubmission) register.noteSubmission(append.taskId, span.spanContext())
  return { span, inner: trace.setSpan(outer, span), append: traced }
}

const beginSubmission = (tracer: Tracer, { taskId, head, events }: Append, parent: Context): Span =>
  tracer.startSpan(
    `submit ${head.type}`,
    {
      kind: SpanKind.PRODUCER,
      attributes: {
        ...describeTask(taskId, head),
        'messaging.operation.name': 'submit',
        'messaging.operation.type': 'send',
        'taskfold.events': events.map(({ type }) => type),
      },
    },
    parent,
  )

const beginAppend = (tracer: Tracer, { taskId, head, events }: Append, parent: Context): Span => {
  const types = events.map(({ type }) => type)
  return tracer.startSpan(
    `append ${types.join(' ')}`,
    { attributes: { 'taskfold.task.id': taskId, 'taskfold.task.type': head.type, 'taskfold.events': types } },
    parent,
  )
}
