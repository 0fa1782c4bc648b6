import { type Deadline, startDeadline } from './deadline.ts'
import { TaskfoldError } from './errors.ts'
import { parseAnswer, toRefusal } from './answers.ts'
import { toSendable } from './sendable.ts'
import { backOffMs, findRetryAfterMs, wasNeverSent } from './repetition.ts'

/** What bounds one call. */
export interface CallOptions {
  /** How long the call may take in all, with every repetition. Default: that of the client. */
  readonly deadlineMs?: number | undefined
  /** Aborts the call, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface ClientRequest {
  readonly method: 'GET' | 'POST'
  /** From `/api` on, the query included. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** `if-unsent`: only when the request before cannot have had an effect. */
  readonly repeat: 'freely' | 'if-unsent'
  /** The task that errors name. */
  readonly taskId?: string
}

/** Sends requests, and repeats those that may be repeated, until there is an answer or the deadline is over. */
export interface Exchange {
  /** Resolves with the parsed body of an answer of 2xx. Throws TaskfoldError, or the reason of an aborted signal. */
  call(request: ClientRequest, options: CallOptions): Promise<unknown>
  /** The same, with the body as a stream that the caller reads or cancels; the deadline ends when the headers are there. */
  open(request: ClientRequest, options: CallOptions): Promise<Response>
}

interface Settings {
  readonly base: string
  readonly headers: Readonly<Record<string, string>>
  readonly deadlineMs: number
}

export const createExchange = (settings: Settings): Exchange => ({
  call: (request, options) => send(settings, request, options, parseAnswer),
  open: (request, options) => send(settings, request, options, (response) => Promise.resolve(response)),
})

/** Bounds the loop. The waits between so many repetitions last almost three hours at least. */
const repetitionsMax = 10_000

const send = async <Read>(
  settings: Settings,
  request: ClientRequest,
  { deadlineMs = settings.deadlineMs, signal }: CallOptions,
  read: (response: Response, taskId: string | undefined) => Promise<Read>,
): Promise<Read> => {
  const message = toMessage(settings, request)
  const deadline = startDeadline(deadlineMs, signal)
  try {
    for (let repetition = 0; ; repetition += 1) {
      const outcome = await sendOnce(request, message, deadline, read)
      if (outcome.kind === 'read') return outcome.value
      const waitMs = Math.max(outcome.waitMs, backOffMs(repetition, Math.random()))
      const isLast = outcome.kind === 'final' || repetition === repetitionsMax || waitMs >= deadline.remainingMs()
      if (isLast) throw outcome.error
      await deadline.wait(waitMs)
      deadline.throwIfAborted()
    }
  } finally {
    deadline.stop()
  }
}

interface Message {
  readonly url: string
  readonly init: RequestInit
}

/** Made before the loop, so that a body that is no JSON is the caller's fault and not a failed connection. */
const toMessage = ({ base, headers }: Settings, { method, path, headers: own, body }: ClientRequest): Message => ({
  url: `${base}${path}`,
  init: {
    method,
    headers: toSendable(
      'a header',
      () => new Headers({ ...headers, ...(body !== undefined && { 'content-type': 'application/json' }), ...own }),
    ),
    ...(body !== undefined && { body: toSendable('what is no JSON', () => JSON.stringify(body)) }),
  },
})

type SendOutcome<Read> =
  | { readonly kind: 'read'; readonly value: Read }
  | { readonly kind: 'final' | 'repeatable'; readonly error: TaskfoldError; readonly waitMs: number }

const sendOnce = async <Read>(
  { repeat, taskId }: ClientRequest,
  { url, init }: Message,
  deadline: Deadline,
  read: (response: Response, taskId: string | undefined) => Promise<Read>,
): Promise<SendOutcome<Read>> => {
  try {
    const response = await fetch(url, { ...init, signal: deadline.signal })
    if (response.ok) return { kind: 'read', value: await read(response, taskId) }
    const error = await toRefusal(response, taskId)
    const isRepeatable = response.status === 429 || (response.status === 503 && mayRepeat(repeat, error))
    const waitMs = findRetryAfterMs(response.headers.get('retry-after')) ?? 0
    return { kind: isRepeatable ? 'repeatable' : 'final', error, waitMs }
  } catch (error) {
    deadline.throwIfAborted()
    if (error instanceof TaskfoldError) throw error
    if (deadline.signal.aborted) {
      throw new TaskfoldError('deadline-exceeded', 'there was no answer in time', { taskId, cause: error })
    }
    const failed = new TaskfoldError('connection-failed', `the connection failed: ${describe(error)}`, {
      taskId,
      cause: error,
    })
    return { kind: repeat === 'freely' || wasNeverSent(error) ? 'repeatable' : 'final', error: failed, waitMs: 0 }
  }
}

/** `overloaded` is answered before anything is written; any other 503 may come after a write. */
const mayRepeat = (repeat: ClientRequest['repeat'], { code }: TaskfoldError): boolean =>
  repeat === 'freely' || code === 'overloaded'

/** The platform's own message is only `fetch failed`; the reason is in its cause. */
const describe = (error: unknown): string => {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return cause instanceof Error ? cause.message || String(Reflect.get(cause, 'code') ?? cause.name) : String(cause)
}
