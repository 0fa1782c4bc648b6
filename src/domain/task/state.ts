import type { AppendId, Incarnation, Run, TaskId } from '../identifiers.ts'
import type { ErrorReport, FailureCause, JsonText, Submission } from './events.ts'
import { type Instant, isDue } from '../time.ts'

/** The latest failed attempt of a task; forgotten when the task succeeds. */
export interface Failure {
  readonly error: ErrorReport
  readonly cause: FailureCause
  readonly attempt: number
}

/** Why a task ended FAILED. */
export type FailedDetail =
  | 'attempts-exhausted'
  | 'permanent-error'
  | 'payload-invalid'
  | 'crash-loop'
  | 'effect-in-doubt'
  | 'effect-changed'

/** The status as users see it. */
export type TaskStatus = 'PENDING' | 'PROCESSING' | 'SUCCESS' | 'FAILED' | 'CANCELLED'

/** What users see beside the status: the status in finer steps. */
export type TaskDetail =
  | 'scheduled'
  | 'ready'
  | 'retrying'
  | 'running'
  | 'cancelling'
  | 'succeeded'
  | FailedDetail
  | 'cancelled'

/** What a history says of a task besides its phase and its times. Shared by states as long as no event changes it. */
export interface TaskFacts {
  readonly submission: Submission
  /** Attempts spent or running: `Started` − `Released`. A reopening does not reset it. */
  readonly attempt: number
  /** Attempts since the task was submitted or last reopened; never more than `submission.maxAttempts`. */
  readonly attemptsSinceOpening: number
  /** Crashes since the task was submitted or last reopened. */
  readonly crashesSinceOpening: number
  /** Attempts since the task was submitted or last reopened that ended because their worker died, as far as is known. */
  readonly workersLostSinceOpening: number
  readonly lastFailure: Failure | undefined
}

/** The instants of a task: all that depends on when its events were recorded. `timesAfter` says which event sets which. */
export interface TaskTimes {
  readonly submittedAt: Instant
  /** `recordedAt` of the last event. */
  readonly changedAt: Instant
  /** When the task is, was or will be ready. Kept once started; moved by `Retried` and `Rescheduled`. */
  readonly readyAt: Instant
  /** When the latest attempt started. */
  readonly startedAt: Instant | undefined
  /** When the task ended; undefined while it has not, or was reopened. */
  readonly finishedAt: Instant | undefined
}

interface Common<Times> {
  readonly taskId: TaskId
  /** Version of the last event. */
  readonly version: number
  readonly facts: TaskFacts
  readonly times: Times
}

interface Pending<Times> extends Common<Times> {
  readonly status: 'PENDING'
  /**
   * `awaiting-retry`: the last event is a `Failed{final: false}` whose `Retried` has not been folded yet. Both are one append,
   * so only a fold that stops between them shows it.
   */
  readonly phase: 'waiting' | 'awaiting-retry'
}
interface Running<Times> extends Common<Times> {
  readonly status: 'PROCESSING'
  readonly phase: 'running' | 'cancelling'
  readonly run: Run
  /**
   * The append that recorded the `Started` of the run. A failover may lose the last commits, and a version is then given
   * twice: two runs of one number differ by this.
   */
  readonly claim: AppendId
  readonly incarnation: Incarnation
  readonly timeLimitMs: number
}
interface Succeeded<Times> extends Common<Times> {
  readonly status: 'SUCCESS'
  readonly phase: 'succeeded'
  readonly result: JsonText
}
interface Failed<Times> extends Common<Times> {
  readonly status: 'FAILED'
  readonly phase: 'failed'
  readonly detail: FailedDetail
}
interface Cancelled<Times> extends Common<Times> {
  readonly status: 'CANCELLED'
  readonly phase: 'cancelled'
}
type Ended<Times> = Succeeded<Times> | Failed<Times> | Cancelled<Times>

/** A task with its times, or without them: `Times` is `TaskTimes` or undefined. */
export type TaskWith<Times> = Pending<Times> | Running<Times> | Ended<Times>

/** A task that was submitted. */
export type Task = TaskWith<TaskTimes>
export type PendingTask = Pending<TaskTimes>
export type RunningTask = Running<TaskTimes>
export type EndedTask = Ended<TaskTimes>

/** A task after events whose instant of recording is not known yet. */
export type UnrecordedTask = TaskWith<undefined>

/** The state of a stream before its first event. */
export interface NoTask {
  readonly status: 'NONE'
  readonly phase: 'none'
  readonly version: 0
  readonly times: undefined
}

export type TaskState = NoTask | Task

/** Where a task stands, as finely as it matters for what may happen next: the states of `transitions`. */
export type Phase = TaskState['phase']

/** Where every fold begins. */
export const noTask: NoTask = { status: 'NONE', phase: 'none', version: 0, times: undefined }

/** Whether the task has ended: only a person can open it again. */
export const isEnded = (task: Task): task is EndedTask => task.status !== 'PENDING' && task.status !== 'PROCESSING'

/**
 * Whether the next attempt must have a process of its own: two workers were lost while they ran the task. The task may have
 * been the cause; no parent process witnessed it, so the task is not failed for it, but it must not take other runs with it.
 */
export const runsApart = (task: Task): boolean => task.facts.workersLostSinceOpening >= workersLostMax

const workersLostMax = 2

const pendingDetail = (task: PendingTask, at: Instant): TaskDetail => {
  if (task.phase === 'awaiting-retry') return 'retrying'
  if (isDue(task.times, at)) return 'ready'
  return task.facts.attempt === 0 ? 'scheduled' : 'retrying'
}

/** The detail at the instant `at`: a pending task becomes ready without any event. */
export const detailOf = (task: Task, at: Instant): TaskDetail => {
  switch (task.status) {
    case 'PENDING':
      return pendingDetail(task, at)
    case 'PROCESSING':
      return task.phase
    case 'SUCCESS':
      return 'succeeded'
    case 'FAILED':
      return task.detail
    case 'CANCELLED':
      return 'cancelled'
  }
}
