import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../problems/problems.ts'

/** By which names a process may be asked. */
export interface AccessSettings {
  /** The setting `HOST`: what the process listens on. */
  readonly listensOn: string
  /** The setting `ALLOWED_HOSTS`, names without ports. */
  readonly allowed: readonly string[]
}

/** Which names this process goes by in the `Host` of a request. */
export interface HostJudge {
  /** Whether the `Host` header of a request names this process; its port is not compared. */
  isOurs(host: string): boolean
}

/**
 * A page of a foreign origin can have a name of its own resolved to a loopback or private address (DNS rebinding) and is
 * then same-origin with whatever answers there; only the `Host` it sends betrays it.
 *
 * Bound to loopback, the process goes by the names of loopback, by what it listens on and by those allowed. Bound to any
 * other address it is meant to be reached by names that it cannot know: it goes by those allowed, or by any when none is.
 */
export const createHostJudge = ({ listensOn, allowed }: AccessSettings): HostJudge => {
  const names = new Set([...allowed, listensOn].map((name) => unbracket(name.toLowerCase())))
  const onLoopback = isLoopback(unbracket(listensOn.toLowerCase()))
  const takesAny = !onLoopback && allowed.length === 0
  const judge = (host: string): boolean => {
    const name = findName(host)
    if (name === undefined) return false
    return takesAny || names.has(name) || (onLoopback && isLoopback(name))
  }
  // Every request is judged, and nearly all of them name the same few.
  const judged = new Map<string, boolean>()
  return {
    isOurs: (host) => {
      const known = judged.get(host)
      if (known !== undefined) return known
      const verdict = judge(host)
      if (judged.size < hostsRememberedMax) judged.set(host, verdict)
      return verdict
    },
  }
}

const hostsRememberedMax = 100

/** Whether a page of that origin belongs to the host that it sent its request to. `null`, as of a sandboxed page, does not. */
export const isSameOrigin = (origin: string, host: string): boolean => {
  if (!URL.canParse(origin)) return false
  const { protocol, host: named } = new URL(origin)
  if (protocol !== 'http:' && protocol !== 'https:') return false
  const standardPort = protocol === 'https:' ? ':443' : ':80'
  return named === host.toLowerCase() || named === host.toLowerCase().replace(new RegExp(`${standardPort}$`), '')
}

const isLoopback = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  name === '::1' ||
  /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(name)

const unbracket = (name: string): string => name.replace(/^\[(.*)\]$/, '$1')

/** The name in a `Host` header, in lower case, without its port and a last dot; undefined when there is none. */
const findName = (host: string): string | undefined => {
  const name = /^(?<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d{1,5})?$/.exec(host.toLowerCase())?.groups?.['name']
  return name === undefined ? undefined : unbracket(name)
}

/**
 * Refuses what a page of another origin could have sent from a browser beside the process: a `Host` that is none of ours,
 * and a request that changes something and names a foreign `Origin`. Throws ProblemError.
 */
export const assertOwnPages = (judge: HostJudge, request: FastifyRequest): void => {
  const { host, origin } = request.headers
  if (host !== undefined && !judge.isOurs(host)) {
    throw new ProblemError('forbidden-host', 'The Host of the request is none of ours: see ALLOWED_HOSTS.')
  }
  if (origin === undefined || ['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return
  if (!isSameOrigin(origin, host ?? '')) {
    throw new ProblemError('forbidden-origin', 'A page of another origin may not change anything here.')
  }
}
