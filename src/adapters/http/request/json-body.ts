import { isUtf8 } from 'node:buffer'
import { type JsonFacts, type JsonItem, type JsonScan, type ScanOptions, scanJson, scanLongJson } from './json-scan.ts'
import { createTurns } from './turns.ts'

/** A parsed body. A malformed one is refused by the endpoint: an error here would make Fastify close the connection. */
export type JsonBody =
  /** `items` are those of a batch, which `value` has `null` in place of: each is parsed when it is judged. */
  | { readonly kind: 'json'; readonly value: unknown; readonly facts: JsonFacts; readonly items: readonly BodyItem[] }
  /** Not parsed: building it would cost more than it may. */
  | { readonly kind: 'too-complex'; readonly pointer: string; readonly message: string }
  | { readonly kind: 'too-large'; readonly detail: string }
  | { readonly kind: 'encoded' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'malformed'; readonly detail: string }

/** One task of a batch as it was sent. */
export interface BodyItem {
  readonly text: string
  readonly facts: JsonFacts
}

/** Far beyond what may be stored, so that a body below it still gets all of its faults told. */
const containersParsedMax = 1_000
/** Beside its payload a submission has some thirty. */
const membersBesidePayloadMax = 1_000
/** A payload of the largest weight holds at most 131,072: each takes two bytes. */
const membersMax = 140_000
const itemsMax = 1_000
/** What a batch may hold beside its tasks, spaces included. */
const envelopeCharactersMax = 65_536

const emptyBody: JsonBody = { kind: 'empty' }
const encodedBody: JsonBody = { kind: 'encoded' }
const malformed = (detail: string): JsonBody => ({ kind: 'malformed', detail })

/** What is known of a body before it is read. */
export interface BodyForm {
  readonly contentType: string
  readonly contentEncoding?: string | undefined
  /** The member that holds the items of a batch. */
  readonly itemsIn?: string | undefined
}

/**
 * Parses JSON strictly: UTF-8 without a byte order mark, no key twice in one object, no `__proto__`, no `constructor` that
 * holds a `prototype`. Takes linear time and no recursion, whatever the depth: the text is scanned before it is parsed, and
 * what is nested too deeply, or holds more than any request may, is not parsed at all.
 */
export const parseJsonBody = (bytes: Buffer, form: BodyForm): JsonBody => {
  const text = readText(bytes, form)
  return typeof text === 'string' ? parseScanned(text, scanJson(text, toScanOptions(form))) : text
}

/** The same for a long one, whose scan lets everything else go on meanwhile. */
export const parseLongJsonBody = async (bytes: Buffer, form: BodyForm): Promise<JsonBody> => {
  const text = readText(bytes, form)
  if (typeof text !== 'string') return text
  return parseScanned(text, await scanLongJson(text, toScanOptions(form), createTurns()))
}

const toScanOptions = ({ itemsIn }: BodyForm): ScanOptions => ({
  containersMax: containersParsedMax,
  membersMax,
  itemsIn,
  itemsMax,
})

const readText = (bytes: Buffer, { contentType, contentEncoding }: BodyForm): string | JsonBody => {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') return encodedBody
  if (!namesUtf8(contentType)) return malformed('The charset must be UTF-8.')
  if (bytes.length === 0) return emptyBody
  return isUtf8(bytes) ? bytes.toString('utf8') : malformed('The body is not UTF-8.')
}

const parseScanned = (text: string, scan: JsonScan): JsonBody => {
  // Not parsed to learn whether the rest is JSON: that would be a way around the bounds below.
  if (scan.kind === 'forbidden') return malformed(scan.detail)
  if (scan.kind === 'too-many-items') {
    return { kind: 'too-complex', pointer: '/tasks', message: `has more than ${itemsMax} items` }
  }
  const { facts, items, ending } = scan
  if (ending === 'open') return malformed(notJson)
  const unfit = findUnparsed(facts)
  if (unfit !== undefined) return unfit
  const envelope = items.length === 0 ? text : withoutItems(text, items)
  if (items.length > 0 && envelope.length > envelopeCharactersMax) {
    return { kind: 'too-complex', pointer: '', message: 'holds too much beside its tasks' }
  }
  const toBodyItem = (item: JsonItem): BodyItem => ({ text: text.slice(item.start, item.end), facts: item })
  return parseText(envelope, facts, items.map(toBodyItem))
}

const notJson = 'The body is not JSON.'

/** Why a body, or an item, is refused before it is parsed. */
const findUnparsed = ({ tooDeepAt, members, membersBesidePayload }: JsonFacts) => {
  if (tooDeepAt !== undefined) {
    return { kind: 'too-complex', pointer: tooDeepAt, message: 'is more than 100 containers deep' } as const
  }
  if (membersBesidePayload > membersBesidePayloadMax) {
    const message = `has more than ${membersBesidePayloadMax} members beside its payload`
    return { kind: 'too-complex', pointer: '', message } as const
  }
  if (members <= membersMax) return undefined
  return { kind: 'too-large', detail: `The payload holds more than ${membersMax} values.` } as const
}

/** Parses one item of a batch under the same bounds; it has no items of its own. */
export const parseBodyItem = ({ text, facts }: BodyItem): JsonBody => findUnparsed(facts) ?? parseText(text, facts, [])

const parseText = (text: string, facts: JsonFacts, items: readonly BodyItem[]): JsonBody => {
  try {
    return { kind: 'json', value: JSON.parse(text), facts, items }
  } catch (error) {
    if (error instanceof SyntaxError) return malformed(notJson)
    throw error
  }
}

/** The text with `null` in place of each item. */
const withoutItems = (text: string, items: readonly JsonItem[]): string => {
  const kept: string[] = []
  let from = 0
  for (const { start, end } of items) {
    kept.push(text.slice(from, start))
    from = end
  }
  return `${kept.join('null')}null${text.slice(from)}`
}

const charsetPattern = /;\s*charset\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;]*)/gi

const namesUtf8 = (contentType: string): boolean => {
  if (contentType === 'application/json') return true
  for (const [, charset = ''] of contentType.matchAll(charsetPattern)) {
    if (!/^"?utf-?8"?$/i.test(charset)) return false
  }
  return true
}
