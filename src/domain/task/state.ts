import type { Incarnation, Run, TaskId } from '../identifiers.ts'
import type { ErrorReport, FailureCause, JsonText, Submission } from './events.ts'
import type { Instant } from '../time.ts'

/** The last failure of a task, shown until it succeeds. */
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

/** The status words users see. */
export type TaskStatus = 'PENDING' | 'PROCESSING' | 'SUCCESS' | 'FAILED' | 'CANCELLED'

/** The finer word beside a status. */
export type TaskDetail =
  | 'scheduled'
  | 'ready'
  | 'retrying'
  | 'running'
  | 'cancelling'
  | 'succeeded'
  | FailedDetail
  | 'cancelled'

interface TaskFacts {
  readonly taskId: TaskId
  /** Version of the last event. */
  readonly version: number
  readonly submission: Submission
  readonly submittedAt: Instant
  /** `recordedAt` of the last event. */
  readonly changedAt: Instant
  /** When the task is, was or will be ready. Kept once started; moved by `Retried` and `Rescheduled`. */
  readonly readyAt: Instant
  /** Attempts spent or running: `Started` − `Released`. A reopening does not reset it. */
  readonly attempt: number
  /** Attempts since the task was submitted or last reopened; never more than `submission.maxAttempts`. */
  readonly attemptsSinceOpening: number
  /** Crashes since the task was submitted or last reopened. */
  readonly crashesSinceOpening: number
  /** Attempts since then that ended because their worker was lost. */
  readonly workersLostSinceOpening: number
  /** When the latest attempt started. */
  readonly startedAt: Instant | undefined
  readonly lastFailure: Failure | undefined
}

export interface PendingTask extends TaskFacts {
  readonly status: 'PENDING'
  /** `for-retry`: the last event is a `Failed{final: false}` whose `Retried` has not been folded yet. */
  readonly waiting: 'for-instant' | 'for-retry'
}
export interface RunningTask extends TaskFacts {
  readonly status: 'PROCESSING'
  readonly run: Run
  readonly incarnation: Incarnation
  readonly timeLimitMs: number
  readonly wanted: 'result' | 'cancellation'
}
export interface SucceededTask extends TaskFacts {
  readonly status: 'SUCCESS'
  readonly result: JsonText
  readonly finishedAt: Instant
}
export interface FailedTask extends TaskFacts {
  readonly status: 'FAILED'
  readonly detail: FailedDetail
  readonly finishedAt: Instant
}
export interface CancelledTask extends TaskFacts {
  readonly status: 'CANCELLED'
  readonly finishedAt: Instant
}

/** A task that was submitted. */
export type Task = PendingTask | RunningTask | SucceededTask | FailedTask | CancelledTask

/** The state of a stream before its first event. */
export interface NoTask {
  readonly status: 'NONE'
  readonly version: 0
}

export type TaskState = NoTask | Task

/** Where every fold begins. */
export const noTask: NoTask = { status: 'NONE', version: 0 }

/** Whether only a person can make the task move again. */
export const isEnded = (task: Task): task is SucceededTask | FailedTask | CancelledTask =>
  task.status !== 'PENDING' && task.status !== 'PROCESSING'

/**
 * Whether the next attempt must not share a process with others: two workers were lost while they ran the task, and it may
 * have been the cause. Nobody saw, so it is not blamed; in a process of its own it can take nobody with it.
 */
export const runsApart = (task: Task): boolean => task.workersLostSinceOpening >= workersLostMax

const workersLostMax = 2

const pendingDetail = (task: PendingTask, at: Instant): TaskDetail => {
  if (task.waiting === 'for-retry') return 'retrying'
  if (task.readyAt <= at) return 'ready'
  return task.attempt === 0 ? 'scheduled' : 'retrying'
}

/** The finer word beside the status, as it stands at the instant `at`: a pending task becomes ready by time alone. */
export const detailOf = (task: Task, at: Instant): TaskDetail => {
  switch (task.status) {
    case 'PENDING':
      return pendingDetail(task, at)
    case 'PROCESSING':
      return task.wanted === 'cancellation' ? 'cancelling' : 'running'
    case 'SUCCESS':
      return 'succeeded'
    case 'FAILED':
      return task.detail
    case 'CANCELLED':
      return 'cancelled'
  }
}
