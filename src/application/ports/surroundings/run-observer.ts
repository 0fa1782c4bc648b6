import type { RunningTask, Task } from '#domain/task/state.ts'
import type { EventContext, TaskEvent } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'
import type { TaskTrace } from '../../runs/task-trace.ts'

/** Sees every run from its claim to its record: the source of spans and durations. None of its methods throws. */
export interface RunObserver {
  /** Called before the claim is sent, with the task as it was read. */
  observe(task: Task, trace: TaskTrace): RunObservation
}

/** One run under observation, from its claim on. Ends with exactly one of `leave`, `recorded` and `fenced`. */
export interface RunObservation {
  /** For the envelopes of the events that the run appends: it carries the trace on. */
  readonly context: EventContext
  /** Calls `work` within the trace of the run, so that the calls it makes belong to that trace. */
  within<Result>(work: () => Result): Result
  /** The claim was lost: there was no run. */
  leave(): void
  /** The claim is durable. */
  started(task: RunningTask): void
  /** The outcome of the run is durable: these events, recorded at this instant. */
  recorded(events: readonly TaskEvent[], recordedAt: Instant): void
  /** This process has recorded no outcome of the run, and never will. */
  fenced(): void
}

/** Observes nothing, and passes the trace of the submitter on. */
export const unobservedRun = (trace: TaskTrace): RunObservation =>
  trace.submission === undefined ? unobserved : unobservedIn({ traceparent: trace.submission })

const callDirectly = <Result>(work: () => Result): Result => work()
const nothing = (): void => {}

const unobservedIn = (context: EventContext): RunObservation => ({
  context,
  within: callDirectly,
  leave: nothing,
  started: nothing,
  recorded: nothing,
  fenced: nothing,
})

const unobserved = unobservedIn({})

/** For processes without telemetry. */
export const noRunObserver: RunObserver = { observe: (_task, trace) => unobservedRun(trace) }
