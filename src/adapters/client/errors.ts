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
 * The error of every call of the client, but for the reason of an aborted `signal`.
 *
 * `code` is the `code` of the server's problem document (`task-not-found`, `validation-failed`, `not-retryable`,
 * `overloaded` …), or one of four of the client's own: `connection-failed` (no answer, so whether a change was made is
 * unknown), `deadline-exceeded` (the same, because the time was over), `invalid-answer` (Taskfold gives no such answer),
 * `invalid-request` (no request can be made of the options, such as a payload that is no JSON, so nothing was sent).
 */
export class TaskfoldError extends Error {
  override readonly name = 'TaskfoldError'
  readonly code: string
  /** The HTTP status; undefined without an answer. */
  readonly status: number | undefined
  /** The faults of a request that was refused; empty otherwise. */
  readonly errors: readonly RequestFault[]
  /** The task of the call. For a submission whose fate is unknown, the task that the server named, if it did. */
  readonly taskId: string | undefined
  constructor(code: string, message: string, { status, errors = [], taskId, cause }: Facts = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.errors = errors
    this.taskId = taskId
  }
}
