import type { Incarnation, Run } from '../identifiers.ts'
import type { ErrorReport, FailureCause, JsonText, Submission } from './events.ts'
import type { Due, Instant } from '../time.ts'

export type Submit = { readonly type: 'Submit'; readonly submission: Submission; readonly due: Due }

/** A worker claims the task. `now` is the store's clock, read with the stream. */
export type Start = { readonly type: 'Start'; readonly incarnation: Incarnation; readonly now: Instant }

export type Succeed = { readonly type: 'Succeed'; readonly run: Run; readonly result: JsonText }

/** The attempt failed. Losing its worker is `DeclareLost`, which has rules of its own. */
export type Fail = {
  readonly type: 'Fail'
  readonly run: Run
  readonly cause: Exclude<FailureCause, 'worker-lost'>
  readonly error: ErrorReport
  /** `thrown`: the handler threw. `cut-off`: it still ran when its grace was over. */
  readonly ending: 'thrown' | 'cut-off'
  /** The delay the handler asked for; overrides the policy. */
  readonly retryAfterMs?: number
  /** For the jitter, in [0, 1). */
  readonly random: number
}

/** A stopping worker hands the attempt back unspent. */
export type Release = { readonly type: 'Release'; readonly run: Run }

/** The worker that ran the task was declared lost. `fenced`: it stopped by itself, without a beat in time, and lived on. */
export type DeclareLost = {
  readonly type: 'DeclareLost'
  readonly run: Run
  readonly incarnation: Incarnation
  readonly worker: 'silent' | 'fenced'
}

/** A person wants the task not to run, or to stop running. */
export type Cancel = { readonly type: 'Cancel' }

/** A person opens an ended task again, with fresh attempts. */
export type Reopen = { readonly type: 'Reopen' }

/** A person wants a waiting task to be due at once. `now` is the store's clock, read with the stream. */
export type RunNow = { readonly type: 'RunNow'; readonly now: Instant }

export type TaskCommand = Submit | Start | Succeed | Fail | Release | DeclareLost | Cancel | Reopen | RunNow
