import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import type { EventContext } from '#domain/task/events.ts'
import { ProblemError } from '../problems/problems.ts'
import { countCodePoints } from './storable-json.ts'

const actorCharactersMax = 255
/** How long a reason may be, in a header or in a body, in code points. */
export const reasonCharactersMax = 1_000

/** How the reference describes the headers that `toContext` reads. */
export const contextHeaders = {
  'X-Actor': 'Who asks, as it names itself: 1 to 255 printable characters.',
  'X-Reason': 'Why: 1 to 1,000 printable characters.',
  traceparent: 'W3C trace context; stored and continued. A malformed one is ignored.',
}

/**
 * The actor, the reason and the trace of a request, for the envelopes of its events. A reason in the body goes before one
 * in a header.
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

/** Printable text in UTF-8. Node gives the values of headers with a character for each byte. */
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

const keyPattern = /^[\x21-\x7e]{1,255}$/

/**
 * The key under which a submission may be repeated; undefined without one.
 *
 * Throws an `invalid-header` problem.
 */
export const toIdempotencyKey = (headers: IncomingHttpHeaders): string | undefined => {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key === 'string' && keyPattern.test(key)) return key
  throw new ProblemError('invalid-header', 'idempotency-key must be 1 to 255 visible characters of ASCII.')
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

/**
 * The media type among those offered that the client prefers (RFC 9110, section 12.5.1), or undefined when none is
 * acceptable. Of equally preferred ones the one that is named more precisely wins, then the one offered first. A malformed
 * range accepts nothing.
 */
export const findAcceptable = <MediaType extends string>(
  accept: string | undefined,
  offered: readonly [MediaType, ...MediaType[]],
): MediaType | undefined => {
  const [first] = offered
  if (accept === undefined || accept === '*/*' || accept === first || accept.trim() === '') return first
  const ranges = accept.toLowerCase().split(',').map(toRange)
  let best = { mediaType: first, precision: 0, quality: 0 }
  for (const mediaType of offered) {
    const found = { mediaType, ...judgeMediaType(mediaType, ranges) }
    const isBetter =
      found.quality > best.quality || (found.quality === best.quality && found.precision > best.precision)
    if (isBetter) best = found
  }
  return best.quality > 0 ? best.mediaType : undefined
}

interface Range {
  readonly mediaType: string
  readonly quality: number
}

const toRange = (text: string): Range => {
  const [mediaType = '', ...parameters] = text.split(';').map((part) => part.trim())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  return { mediaType, quality: weight === undefined ? 1 : Number(weight) }
}

/** The most precise range decides, whatever looser ones say. */
const judgeMediaType = (mediaType: string, ranges: readonly Range[]): { precision: number; quality: number } => {
  const forms = ['*/*', `${mediaType.split('/')[0] ?? ''}/*`, mediaType]
  let best = { precision: 0, quality: 0 }
  for (const range of ranges) {
    const precision = forms.indexOf(range.mediaType) + 1
    if (precision > best.precision) best = { precision, quality: range.quality }
  }
  return best
}
