/** One fault of a request; `pointer` is a JSON pointer into the body, or `/query/<name>`. */
export interface RequestFault {
  readonly pointer: string
  readonly message: string
}

interface Facts {
  readonly status?: number | undefined
  readonly errors?: readonly RequestFault[] | undefined
  readonly taskId?: string | undefined
  readonly cause?: unknown
}

/**
 * What every call of the client throws, save that an aborted `signal` throws its own reason, and what no request can be made
 * of, such as a payload that is no JSON, a TypeError.
 *
 * `code` is the `code` of the server's problem document (`task-not-found`, `validation-failed`, `not-retryable`,
 * `overloaded` …), or one of three of the client's own: `connection-failed` (no answer, so the fate of a change is open),
 * `deadline-exceeded` (the same, because the time was over), `invalid-answer` (an answer that is none of Taskfold's).
 */
export class TaskfoldError extends Error {
  override readonly name = 'TaskfoldError'
  readonly code: string
  /** The HTTP status; undefined without an answer. */
  readonly status: number | undefined
  /** The faults of a request that was refused; empty otherwise. */
  readonly errors: readonly RequestFault[]
  /** The task the call was about, also where a submission's fate is unknown and the server could name it. */
  readonly taskId: string | undefined
  constructor(code: string, message: string, { status, errors = [], taskId, cause }: Facts = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.errors = errors
    this.taskId = taskId
  }
}
