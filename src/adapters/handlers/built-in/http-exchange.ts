import type { Dispatcher } from 'undici'
import { PermanentError } from '#application/ports/task-handler.ts'

/** A request as it goes out; the headers' names are in lower case. */
export interface HttpRequest {
  readonly url: string
  readonly method: HttpMethod
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type HttpResponse = Dispatcher.ResponseData

const redirectsMax = 5
const redirectBodyBytesMax = 65_536
/** Headers that are sent on to another origin. The others were meant for the first one, and any of them can be a secret. */
const portableHeaders = new Set(['accept', 'accept-encoding', 'accept-language', 'content-type', 'user-agent'])

/**
 * Sends a request and follows at most five redirects, each through the same dispatcher and so by the same guard. As in
 * browsers, 303 and, after a POST, 301 and 302 go on as GET. The caller must read or destroy the body of the response.
 *
 * Throws PermanentError for a URL that is not plain http or https and for a sixth redirect, `signal.reason` once aborted,
 * and what undici throws.
 */
export const exchange = async (
  dispatcher: Dispatcher,
  first: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResponse> => {
  let next = first
  for (let hops = 0; hops <= redirectsMax; hops += 1) {
    // undici opens a connection even when the signal has aborted before.
    signal.throwIfAborted()
    const url = parseTarget(next.url)
    const { method, headers, body = null } = next
    const path = url.pathname + url.search
    const response = await dispatcher.request({ origin: url.origin, path, method, headers, body, signal })
    const location = findLocation(response)
    if (location === undefined) return response
    await response.body.dump({ limit: redirectBodyBytesMax, signal })
    next = redirect(next, url, location, response.statusCode)
  }
  throw new PermanentError(`${new URL(first.url).host} redirected more than ${redirectsMax} times`)
}

/** The URL if it may be requested at all; the guard judges where it leads. */
const parseTarget = (text: string): URL => {
  const url = URL.parse(text)
  if (url === null) throw new PermanentError('the target is no absolute URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new PermanentError(`the target must be an http or https URL, not ${url.protocol.slice(0, 32)}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new PermanentError(`the target ${url.host} must not carry credentials in its URL: send a header`)
  }
  return url
}

const findLocation = ({ statusCode, headers }: HttpResponse): string | undefined =>
  [301, 302, 303, 307, 308].includes(statusCode) && typeof headers.location === 'string' ? headers.location : undefined

const redirect = (from: HttpRequest, at: URL, location: string, status: number): HttpRequest => {
  const to = URL.parse(location, at)
  if (to === null) throw new PermanentError(`${at.host} redirected to what is no URL`)
  const asGet = (status === 303 && from.method !== 'HEAD') || (status < 303 && from.method === 'POST')
  const kept = Object.entries(from.headers).filter(
    ([name]) => (to.origin === at.origin || portableHeaders.has(name)) && !(asGet && name.startsWith('content-')),
  )
  return {
    url: to.href,
    method: asGet ? 'GET' : from.method,
    headers: Object.fromEntries(kept),
    ...(!asGet && from.body !== undefined && { body: from.body }),
  }
}
