import type { CallOptions } from './exchange.ts'
import type { SubmissionOptions } from './submission.ts'

/** Who asks and why, for the history of the task. */
export interface ContextOptions extends CallOptions {
  readonly actor?: string | undefined
  readonly reason?: string | undefined
}

export interface SubmitOptions extends SubmissionOptions, ContextOptions {
  /** A W3C trace that the task goes on with. */
  readonly traceparent?: string | undefined
}

export interface BatchOptions extends ContextOptions {
  /** Stores all or none: then one item that is refused fails the call. Default: each for itself. */
  readonly atomic?: boolean | undefined
}

export interface ChangeOptions extends ContextOptions {
  /** Acts only on the task at this version; else TaskfoldError `version-mismatch`. */
  readonly ifVersion?: number | undefined
}

export interface GetOptions extends CallOptions {
  /** The task as it was at this version. Excludes `asOf`. */
  readonly asOfVersion?: number | undefined
  /** The task as it was at this instant. */
  readonly asOf?: Date | string | undefined
}
