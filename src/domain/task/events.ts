import type { AppendId, Incarnation, Run, TaskId } from '../identifiers.ts'
import type { RetryPolicy } from '../retry-policy.ts'
import type { Due, Instant } from '../time.ts'

/** JSON as text, exactly as it was written. The domain carries payloads and results and never parses them. */
export type JsonText = string

/** A submission with all its values. Defaults are filled in before, so that a later default changes no history. */
export interface Submission {
  readonly type: string
  readonly queue: string
  readonly payload: JsonText
  readonly priority: number
  readonly maxAttempts: number
  readonly timeoutMs: number
  readonly retry: RetryPolicy
  readonly tags: readonly string[]
}

/** Why an attempt failed. */
export type FailureCause =
  | 'handler-error'
  | 'permanent-error'
  | 'timeout'
  | 'worker-lost'
  | 'crash'
  | 'payload-invalid'
  | 'effect-in-doubt'
  | 'effect-changed'

/** Why a task was cancelled: `requested` while it was pending; every other cause says how its run ended. */
export type CancellationCause = 'requested' | 'aborted' | 'cut-off' | 'shutdown' | 'worker-lost' | 'crash'

/** One error, as far as it is kept. Texts are UTF-8: the message at most 4 KiB, the stack at most 50 frames. */
export interface ErrorFacts {
  readonly name: string
  readonly message: string
  /** What programs tell errors apart by, such as `ECONNREFUSED`: up to 64 letters, digits and `_.:-`. */
  readonly code?: string
  readonly stack?: string
}

/** An error that a handler threw. */
export interface ErrorReport extends ErrorFacts {
  /**
   * What it came from: its cause, and the errors that it joins, each followed by what that came from. At most ten, five
   * deep, whose texts are at most 8 KiB together.
   */
  readonly causes?: readonly ErrorFacts[]
}

export type Submitted = { readonly type: 'Submitted'; readonly data: Submission & Due }
export type Started = {
  readonly type: 'Started'
  readonly data: { readonly attempt: number; readonly incarnation: Incarnation; readonly timeLimitMs: number }
}
export type Failed = {
  readonly type: 'Failed'
  readonly data: {
    readonly run: Run
    readonly attempt: number
    readonly cause: FailureCause
    readonly final: boolean
    readonly error: ErrorReport
    /** Of `worker-lost`: the worker fenced itself and lived on, so the task is no suspect. */
    readonly detail?: 'fenced'
  }
}
/** Opens the task for another attempt. `reopened`: a person asked for it, and the attempts are counted anew. */
export type Retried = {
  readonly type: 'Retried'
  readonly data: { readonly delayMs: number; readonly reopened: boolean }
}
export type Succeeded = {
  readonly type: 'Succeeded'
  readonly data: { readonly run: Run; readonly attempt: number; readonly result: JsonText }
}
/** The worker handed the attempt back unspent. */
export type Released = {
  readonly type: 'Released'
  readonly data: { readonly run: Run; readonly attempt: number; readonly cause: 'shutdown' }
}
/** A person changed when the task is due. */
export type Rescheduled = { readonly type: 'Rescheduled'; readonly data: Due }
export type CancelRequested = { readonly type: 'CancelRequested'; readonly data: Readonly<Record<string, never>> }
export type Cancelled = { readonly type: 'Cancelled'; readonly data: { readonly cause: CancellationCause } }

/** Every event of a task. */
export type TaskEvent =
  | Submitted
  | Started
  | Failed
  | Retried
  | Succeeded
  | Released
  | Rescheduled
  | CancelRequested
  | Cancelled

/** Who caused an append, and in what connection. A member is absent when the caller did not give it. */
export interface EventContext {
  /** The person or system that asked, as it named itself. */
  readonly actor?: string
  /** Why, in the person's own words. */
  readonly reason?: string
  /** Groups the appends of one undertaking; absent means the stream's first append. */
  readonly correlationId?: string
  /** The cause of this append; absent means the append before it in the stream. */
  readonly causationId?: string
  /** W3C trace context of the caller. */
  readonly traceparent?: string
}

/** An event with the facts of its recording. All events of one append share `appendId`, `recordedAt` and context. */
export type RecordedEvent = TaskEvent & {
  readonly taskId: TaskId
  /** 1 for the first event of a stream, then ascending without a gap. */
  readonly version: number
  readonly appendId: AppendId
  readonly recordedAt: Instant
  readonly context: EventContext
}
