import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { z } from 'zod'
import { type HandlerContext, PermanentError, RetryAfterError } from '#application/ports/task-handler.ts'
import { ForbiddenTargetError } from './address-guard.ts'
import { defineTask } from '../define-task.ts'
import { exchange, type HttpRequest, type HttpResponse } from './http-exchange.ts'
import { findRetryAfterMs } from './retry-after.ts'

const headersMax = 50
const urlCharactersMax = 8_192
const resultBytesMax = 65_536
const errorBytesMax = 500
/** The headers of a response that are kept in the result: others, such as cookies, can be secrets. */
const shownHeaders = ['content-type', 'etag', 'last-modified', 'location', 'x-request-id']

/** Headers that frame the message or route it, and those that Taskfold sets itself. */
const reservedHeader =
  /^(host|connection|content-length|transfer-encoding|keep-alive|upgrade|te|trailer|expect|proxy-.*|taskfold-.*)$/i

const header = z.record(
  z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'is no name of a header')
    .refine((name) => !reservedHeader.test(name), 'may not be set'),
  z
    .string()
    .max(8_192)
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must not contain control characters'),
)

const input = z
  .strictObject({
    url: z
      .string()
      .max(urlCharactersMax)
      .refine((text) => URL.canParse(text), 'must be an absolute URL'),
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
    headers: header.refine((headers) => Object.keys(headers).length <= headersMax, `at most ${headersMax}`).default({}),
    body: z.json().optional(),
  })
  .refine(({ method, body }) => body === undefined || !['GET', 'HEAD'].includes(method), {
    path: ['body'],
    message: 'must be left out with GET and HEAD',
  })

type Payload = z.output<typeof input>

/**
 * Sends a request to a URL. 2xx succeeds; 429 and 503 are tried again after `Retry-After`; other 5xx and failures of the
 * network are tried again by the task's back-off; all else is permanent, including a target that the guard refuses.
 *
 * The receiver recognises repeats by `Idempotency-Key`, which is the task's id unless the payload sets its own. A string is
 * sent as it is, any other body as JSON. Only the run's signal bounds the time. At most 64 KiB of the response are kept:
 * `body` is null when it is no UTF-8, and `truncated` says that there was more. `openDispatcher` is called at each run.
 */
export const createHttpRequestTask = (openDispatcher: () => Promise<Dispatcher>) =>
  defineTask({
    type: 'http.request',
    input,
    run: async (payload, context) => {
      const host = new URL(payload.url).host
      try {
        const response = await exchange(await openDispatcher(), toRequest(payload, context), context.signal)
        return await judge(response, host)
      } catch (error) {
        context.signal.throwIfAborted()
        throw toTaskError(error, host)
      }
    },
  })

const toRequest = ({ url, method, headers, body }: Payload, { taskId, attempt }: HandlerContext): HttpRequest => {
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json'
  return {
    url,
    method,
    headers: {
      'accept-encoding': 'identity',
      'user-agent': 'taskfold',
      'idempotency-key': taskId,
      ...(body !== undefined && { 'content-type': type }),
      ...Object.fromEntries(own),
      'taskfold-task-id': taskId,
      'taskfold-attempt': String(attempt),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  }
}

const judge = async (response: HttpResponse, host: string) => {
  const { statusCode: status, headers } = response
  if (status >= 200 && status < 300) {
    const { text, truncated } = await readText(response.body, resultBytesMax)
    return { status, headers: showHeaders(headers), body: text, truncated }
  }
  const { text } = await readText(response.body, errorBytesMax)
  const message = `${host} answered ${status}${text === null || text === '' ? '' : `: ${text}`}`
  if (status !== 429 && status < 500) throw new PermanentError(message)
  const waitMs =
    status === 429 || status === 503
      ? findRetryAfterMs(oneOf(headers['retry-after']), oneOf(headers.date), Date.now())
      : undefined
  throw waitMs === undefined ? new UnwelcomeAnswerError(message) : new RetryAfterError(waitMs, message)
}

const showHeaders = (headers: HttpResponse['headers']): Readonly<Record<string, string>> => {
  const shown: Record<string, string> = {}
  for (const name of shownHeaders) {
    const value = oneOf(headers[name])
    if (value !== undefined) shown[name] = value
  }
  return shown
}

const oneOf = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value)

/** A response that is tried again. */
class UnwelcomeAnswerError extends Error {
  override readonly name = 'UnwelcomeAnswerError'
}

const toTaskError = (error: unknown, host: string): unknown => {
  if (error instanceof ForbiddenTargetError) return new PermanentError(error.message)
  if (error instanceof PermanentError || error instanceof RetryAfterError || error instanceof UnwelcomeAnswerError) {
    return error
  }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return new Error(`the request to ${host} failed: ${code ?? String(error)}`, { cause: error })
}

/**
 * Reads at most the first `bytesMax` bytes of a stream as text that can be stored as JSON; null when they are no UTF-8. A
 * character cut in two is left out, a zero character becomes U+FFFD. A stream that holds more is destroyed.
 */
const readText = async (
  stream: Readable,
  bytesMax: number,
): Promise<{ readonly text: string | null; readonly truncated: boolean }> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('the stream gives no bytes')
    chunks.push(chunk.subarray(0, bytesMax - bytes))
    bytes += chunk.byteLength
    // Leaving the loop destroys the stream.
    if (bytes > bytesMax) break
  }
  const truncated = bytes > bytesMax
  return { text: decode(Buffer.concat(chunks), truncated), truncated }
}

const decode = (bytes: Uint8Array, truncated: boolean): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: truncated }).replaceAll('\0', '\ufffd')
  } catch {
    return null
  }
}
