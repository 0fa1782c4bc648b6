import type { AppendId, Incarnation, Run, TaskId } from '../identifiers.ts'
import type { RetryPolicy } from '../retry-policy.ts'
import type { Due, Instant } from '../time.ts'

/** JSON as text, exactly as it was written. The domain carries payloads and results, it never looks inside. */
export type JsonText = string

/** What was asked for, with every value in effect: defaults are filled in before, so that history never changes with them. */
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

/** Why a task was cancelled: `requested` while it was pending, everything else by what became of its run. */
export type CancellationCause = 'requested' | 'aborted' | 'cut-off' | 'shutdown' | 'worker-lost' | 'crash'

/** What a handler threw: message at most 4 KiB of UTF-8, stack at most 50 frames. */
export interface ErrorReport {
  readonly name: string
  readonly message: string
  readonly stack?: string
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
  }
}
/** Opens the task for another attempt. Only `reopened` (a person asked) grants fresh attempts. */
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

/** Everything that can happen to a task. */
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

/** Who caused an append, and as part of what. Members are absent where nobody said. */
export interface EventContext {
  /** The person or system that asked, as it named itself. */
  readonly actor?: string
  /** Why, in the person's own words. */
  readonly reason?: string
  /** What groups appends of one undertaking; absent means the stream's first append. */
  readonly correlationId?: string
  /** What led to this append; absent means the append before it in the stream. */
  readonly causationId?: string
  /** W3C trace context of the caller. */
  readonly traceparent?: string
}

/** An event with the facts of its recording. All events of one append share `appendId`, `recordedAt` and context. */
export type RecordedEvent = TaskEvent & {
  readonly taskId: TaskId
  /** 1 for the first event of a stream, then without a hole. */
  readonly version: number
  readonly appendId: AppendId
  readonly recordedAt: Instant
  readonly context: EventContext
}
