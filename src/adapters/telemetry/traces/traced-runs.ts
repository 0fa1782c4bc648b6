import {
  context,
  type Context,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api'
import type { RunObservation, RunObserver } from '#application/ports/surroundings/run-observer.ts'
import type { TaskTrace } from '#application/runs/task-trace.ts'
import type { EventContext, Failed, TaskEvent } from '#domain/task/events.ts'
import type { RunningTask, Task } from '#domain/task/state.ts'
import { findOutcome } from '../metrics/outcomes.ts'
import { describeTask } from './span-attributes.ts'
import { findSpanContext, toParentContext, toTraceparent } from './traceparent.ts'

/**
 * Makes a span of each run: the child of the submission's span, linked to the span of the run before it. It lasts from the
 * claim to the durable record of the outcome; its context goes into the envelopes of the run's events.
 */
export const createTracedRuns = (tracer: Tracer): RunObserver => ({
  observe: (task, taskTrace) => new RunSpan(tracer, task, taskTrace),
})

class RunSpan implements RunObservation {
  readonly context: EventContext
  readonly #span: Span
  readonly #inner: Context

  constructor(tracer: Tracer, task: Task, taskTrace: TaskTrace) {
    const parent = toParentContext(taskTrace.submission)
    const options = {
      kind: SpanKind.CONSUMER,
      attributes: {
        ...describeTask(task.taskId, task.facts.submission),
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'taskfold.attempt': task.facts.attempt + 1,
      },
      links: toLinks(taskTrace),
    }
    this.#span = tracer.startSpan(`process ${task.facts.submission.type}`, options, parent)
    this.#inner = trace.setSpan(parent, this.#span)
    this.context = { traceparent: toTraceparent(this.#span.spanContext()) }
  }

  within<Result>(work: () => Result): Result {
    return context.with(this.#inner, work)
  }

  leave(): void {
    this.#end('not-claimed')
  }

  started(task: RunningTask): void {
    this.#span.setAttributes({
      'taskfold.run': task.run,
      'taskfold.worker.incarnation': task.incarnation,
      'taskfold.task.ready_to_start_ms': Math.max(0, (task.times.startedAt ?? task.times.readyAt) - task.times.readyAt),
    })
    this.#span.addEvent('started')
  }

  recorded(events: readonly TaskEvent[]): void {
    const failed = events.find((event) => event.type === 'Failed')
    if (failed !== undefined) this.#noteFailure(failed.data)
    this.#end(findOutcome(events) ?? 'unknown')
  }

  fenced(): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: 'fenced' })
    this.#end('fenced')
  }

  /** The kind and the frames of an error, not its message, which may quote the payload or a secret. The history has it. */
  #noteFailure({ cause, error }: Failed['data']): void {
    this.#span.addEvent('exception', {
      'exception.type': error.name,
      ...(error.stack !== undefined && { 'exception.stacktrace': error.stack }),
    })
    this.#span.setAttribute('error.type', cause)
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: cause })
  }

  #end(outcome: string): void {
    this.#span.setAttribute('taskfold.outcome', outcome)
    this.#span.end()
  }
}

/** A run without a span of its own has left the submission's context, which is the parent already. */
const toLinks = ({ submission, latestAttempt }: TaskTrace): Link[] => {
  const before = latestAttempt === submission ? undefined : findSpanContext(latestAttempt)
  return before === undefined ? [] : [{ context: before, attributes: { 'taskfold.link': 'previous-attempt' } }]
}
