/** Every problem a client can meet, by its stable code. The one place where HTTP statuses are chosen for refusals. */
export const problems = {
  'malformed-json': { status: 400, title: 'The body is not acceptable JSON' },
  'invalid-cursor': { status: 400, title: 'The cursor is not one of ours' },
  'invalid-header': { status: 400, title: 'A header, or the request itself, is malformed' },
  'forbidden-host': { status: 403, title: 'The request was meant for another host' },
  'forbidden-origin': { status: 403, title: 'The request comes from a page of another origin' },
  'task-not-found': { status: 404, title: 'There is no such task' },
  'route-not-found': { status: 404, title: 'There is nothing at this address' },
  'not-yet-submitted': { status: 404, title: 'The task did not exist then' },
  'version-not-found': { status: 404, title: 'The task has not reached this version' },
  'effect-not-found': { status: 404, title: 'The task has no such effect' },
  'method-not-allowed': { status: 405, title: 'The method does not apply here' },
  'not-acceptable': { status: 406, title: 'The answer has no representation that is accepted' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'not-retryable': { status: 409, title: 'The task cannot be retried in this state' },
  'not-cancellable': { status: 409, title: 'The task cannot be cancelled in this state' },
  'not-runnable': { status: 409, title: 'The task cannot be made due in this state' },
  'not-in-doubt': { status: 409, title: 'The effect is not in doubt' },
  'version-mismatch': { status: 412, title: 'The task is at another version' },
  'payload-too-large': { status: 413, title: 'The body or the payload is too large' },
  'uri-too-long': { status: 414, title: 'The address is too long' },
  'unsupported-media-type': { status: 415, title: 'The body is not application/json' },
  'validation-failed': { status: 422, title: 'The request does not fit its schema' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key was used for another request' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'internal-error': { status: 500, title: 'The server failed' },
  'store-unavailable': { status: 503, title: 'The store does not answer' },
  'history-unreadable': { status: 503, title: 'The history of a task cannot be read by this release' },
  overloaded: { status: 503, title: 'There is more work than can be taken' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>

export type ProblemCode = keyof typeof problems

/** One fault of a request; `pointer` is a JSON pointer into the body, or `/query/<name>`. */
export interface Fault {
  readonly pointer: string
  readonly message: string
}

interface ProblemMembers {
  readonly errors?: readonly Fault[]
  /** The task of a submission whose fate is unknown, or whose history is unreadable. */
  readonly taskId?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** A refusal on its way to the client. `message` becomes the `detail`: it never holds secrets or stacks. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly code: ProblemCode
  readonly members: ProblemMembers
  constructor(code: ProblemCode, detail: string, members: ProblemMembers = {}) {
    super(detail, { cause: members.cause })
    this.code = code
    this.members = members
  }
}

/** How an endpoint that asks the store can be refused, whatever it asks. */
export const storeRefusals = [
  'store-unavailable',
  'overloaded',
  'history-unreadable',
] as const satisfies readonly ProblemCode[]
