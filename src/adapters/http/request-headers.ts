import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import type { EventContext } from '#domain/task-events.ts'
import { ProblemError } from './problems.ts'
import { countCodePoints } from './storable-json.ts'

const actorCharactersMax = 255
/** How long a reason may be, as a header or in a body, in code points. */
export const reasonCharactersMax = 1_000

/**
 * Who asks and why, for the envelopes of events. A reason in the body says more than one in a header, and goes before it.
 *
 * Throws an `invalid-header` problem. A malformed traceparent is ignored, as W3C Trace Context asks.
 */
export const toContext = (headers: IncomingHttpHeaders, reasonInBody?: string): EventContext => {
  const actor = readText(headers, 'x-actor', actorCharactersMax)
  const reason = reasonInBody ?? readText(headers, 'x-reason', reasonCharactersMax)
  const traceparent = headers['traceparent']
  return {
    ...(actor !== undefined && { actor }),
    ...(reason !== undefined && { reason }),
    ...(typeof traceparent === 'string' && findTraceId(traceparent) !== undefined && { traceparent }),
  }
}

/** Printable text in UTF-8, which Node hands over a byte a character. */
const readText = (headers: IncomingHttpHeaders, name: string, charactersMax: number): string | undefined => {
  const raw = headers[name]
  if (raw === undefined) return undefined
  const bytes = Buffer.from(String(raw), 'latin1')
  const text = isUtf8(bytes) ? bytes.toString('utf8') : ''
  if (text.trim() === '' || /\p{Cc}/u.test(text) || countCodePoints(text, charactersMax) > charactersMax) {
    throw new ProblemError('invalid-header', `${name} must be 1 to ${charactersMax} printable characters of UTF-8.`)
  }
  return text
}

const traceparentPattern = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?$/

/** The trace id in a W3C traceparent, or undefined when it is malformed. Later versions may say more than version 00. */
export const findTraceId = (traceparent: string): string | undefined => {
  const [, version, traceId, more] = traceparentPattern.exec(traceparent) ?? []
  const isKnown = (version !== '00' || more === undefined) && traceparent.length <= 512
  return isKnown ? traceId : undefined
}

/** What `If-Match` asks for: `any` version of a task that exists, or one of these. */
export type VersionCondition = 'any' | readonly number[]

const entityTag = '(?:W/)?"[\\x21\\x23-\\x7e\\x80-\\xff]*"'
const ifMatchPattern = new RegExp(`^${entityTag}(?:[ \\t]*,[ \\t]*${entityTag})*$`)

/**
 * Reads `If-Match` (RFC 9110, section 13.1.1); undefined without one. A weak tag, or one that is no version, matches nothing.
 *
 * Throws an `invalid-header` problem.
 */
export const toVersionCondition = (headers: IncomingHttpHeaders): VersionCondition | undefined => {
  const value = headers['if-match']
  if (value === undefined) return undefined
  if (value === '*') return 'any'
  if (!ifMatchPattern.test(value)) throw new ProblemError('invalid-header', 'if-match must be like "3", or *.')
  const versions = [...value.matchAll(/(?<!W\/)"([1-9][0-9]{0,8})"/g)].map(([, version]) => Number(version))
  return versions
}

/** Whether an answer in JSON is acceptable to the client (RFC 9110, section 12.5.1). A malformed range accepts nothing. */
export const acceptsJson = (accept: string | undefined): boolean => {
  if (accept === undefined || accept === '*/*' || accept === 'application/json' || accept.trim() === '') return true
  let best = { precision: 0, quality: 0 }
  for (const range of accept.toLowerCase().split(',')) {
    const [mediaType = '', ...parameters] = range.split(';').map((part) => part.trim())
    const precision = ['*/*', 'application/*', 'application/json'].indexOf(mediaType) + 1
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    const quality = weight === undefined ? 1 : Number(weight)
    if (precision > best.precision) best = { precision, quality }
  }
  return best.quality > 0
}
