import type { RunningTask, Task } from '#domain/task/state.ts'
import type { EventContext, TaskEvent } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'
import type { TaskTrace } from '../../runs/task-trace.ts'

/** Sees every attempt from its claim to its record: where spans and durations come from. Nothing of it throws. */
export interface RunObserver {
  /** Called before the claim is sent, with the task as it was read. */
  observe(task: Task, trace: TaskTrace): ObservedAttempt
}

/** One attempt, seen by an observer. Ends with exactly one of `leave`, `recorded` and `fenced`. */
export interface ObservedAttempt {
  /** For the envelopes of what the attempt appends: it carries the trace on. */
  readonly context: EventContext
  /** Calls `work` as part of the attempt: what it asks of others belongs to the attempt's trace. */
  within<Result>(work: () => Result): Result
  /** The claim was lost: there was no attempt. */
  leave(): void
  /** The claim is durable. */
  started(task: RunningTask): void
  /** What became of the run is durable: these events, at this instant. */
  recorded(events: readonly TaskEvent[], recordedAt: Instant): void
  /** Nothing of the run was recorded here, and nothing will be. */
  fenced(): void
}

/** Nobody looks; what the submitter's trace was is passed on all the same. */
export const unobservedAttempt = (trace: TaskTrace): ObservedAttempt =>
  trace.submission === undefined ? unobserved : { ...unobserved, context: { traceparent: trace.submission } }

const unobserved: ObservedAttempt = {
  context: {},
  within: (work) => work(),
  leave: () => {},
  started: () => {},
  recorded: () => {},
  fenced: () => {},
}

/** For where nobody looks. */
export const noRunObserver: RunObserver = { observe: (_task, trace) => unobservedAttempt(trace) }
