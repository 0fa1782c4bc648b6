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
/**
 * The ports that browsers refuse, since a request can be written that a server of another protocol obeys (WHATWG Fetch,
 * "port blocking"). Allowing a host does not allow them.
 */
const refusedPorts = new Set(
  [
    [0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109],
    [110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530],
    [531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190],
    [5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080],
  ]
    .flat()
    .map(String),
)
const redirectBodyBytesMax = 65_536
/** Headers that are sent on to another origin. The others were meant for the first one, and any of them can be a secret. */
const portableHeaders = new Set(['accept', 'accept-encoding', 'accept-language', 'content-type', 'user-agent'])

/**
 * Sends a request and follows at most five redirects, each through the same dispatcher and so by the same guard. As in
 * browsers, 303 and, after a POST, 301 and 302 go on as GET. The caller must read or destroy the body of the response.
 *
 * A redirect that would carry a body, or a method other than GET and HEAD, to another origin is refused: both were meant for
 * the one that was named. So is one from https to http.
 *
 * Throws PermanentError for such a redirect, for a URL that is not plain http or https, or that names a port of another
 * protocol, and for a sixth redirect, `signal.reason` once aborted,
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
  if (refusedPorts.has(url.port)) {
    throw new PermanentError(`port ${url.port} of ${url.hostname} may not be requested: it is that of another protocol`)
  }
  return url
}

const findLocation = ({ statusCode, headers }: HttpResponse): string | undefined =>
  [301, 302, 303, 307, 308].includes(statusCode) && typeof headers.location === 'string' ? headers.location : undefined

const redirect = (from: HttpRequest, at: URL, location: string, status: number): HttpRequest => {
  const to = URL.parse(location, at)
  if (to === null) throw new PermanentError(`${at.host} redirected to what is no URL`)
  const asGet = (status === 303 && from.method !== 'HEAD') || (status < 303 && from.method === 'POST')
  const method = asGet ? 'GET' : from.method
  if (at.protocol === 'https:' && to.protocol === 'http:') {
    throw new PermanentError(`${at.host} redirected from https to http`)
  }
  if (to.origin !== at.origin && method !== 'GET' && method !== 'HEAD') {
    throw new PermanentError(`${at.host} redirected a ${method} to another origin, ${to.origin}`)
  }
  const kept = Object.entries(from.headers).filter(
    ([name]) => (to.origin === at.origin || portableHeaders.has(name)) && !(asGet && name.startsWith('content-')),
  )
  return {
    url: to.href,
    method,
    headers: Object.fromEntries(kept),
    ...(!asGet && from.body !== undefined && { body: from.body }),
  }
}
