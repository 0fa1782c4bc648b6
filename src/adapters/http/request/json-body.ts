import { isUtf8 } from 'node:buffer'
import { type JsonFacts, type JsonItem, scanJson } from './json-scan.ts'

/** A parsed body. A malformed one is refused by the endpoint: an error here would make Fastify close the connection. */
export type JsonBody =
  /** `items` are those of a batch, each with facts of its own. An item that is too deep was not parsed: it is null in `value`. */
  | { readonly kind: 'json'; readonly value: unknown; readonly facts: JsonFacts; readonly items: readonly JsonItem[] }
  /** Not parsed: building it would cost more than it may. */
  | { readonly kind: 'too-complex'; readonly pointer: string; readonly message: string }
  | { readonly kind: 'empty' }
  | { readonly kind: 'malformed'; readonly detail: string }

/** Far beyond what may be stored, so that a body below it still gets all of its faults told. */
const containersParsedMax = 1_000
const outermostMembersMax = 1_000

const emptyBody: JsonBody = { kind: 'empty' }
const malformed = (detail: string): JsonBody => ({ kind: 'malformed', detail })

/**
 * Parses JSON strictly: UTF-8 without a byte order mark, no key twice in one object, no `__proto__`, no `constructor` that
 * holds a `prototype`. Takes linear time and no recursion, whatever the depth: the text is scanned before it is parsed, and
 * what is nested too deeply, or has too many members at its outermost level, is not parsed at all.
 */
export const parseJsonBody = (bytes: Buffer, contentType: string): JsonBody => {
  if (!namesUtf8(contentType)) return malformed('The charset must be UTF-8.')
  if (bytes.length === 0) return emptyBody
  if (!isUtf8(bytes)) return malformed('The body is not UTF-8.')
  const text = bytes.toString('utf8')
  const scan = scanJson(text, { containersMax: containersParsedMax, itemsIn: 'tasks', keys: 'compared' })
  // Not parsed to learn whether the rest is JSON: that would be a way around the bounds below.
  if (scan.kind === 'forbidden') return malformed(scan.detail)
  const { facts, items, ending } = scan
  if (ending === 'open') return malformed(notJson)
  if (facts.tooDeepAt !== undefined) return { kind: 'too-complex', pointer: facts.tooDeepAt, message: tooDeep }
  if (facts.outermostMembers > outermostMembersMax) {
    return { kind: 'too-complex', pointer: '', message: `has more than ${outermostMembersMax} members` }
  }
  try {
    return { kind: 'json', value: JSON.parse(withoutTooComplex(text, items)), facts, items }
  } catch (error) {
    if (error instanceof SyntaxError) return malformed(notJson)
    throw error
  }
}

const notJson = 'The body is not JSON.'
const tooDeep = 'is more than 100 containers deep'

/** What is wrong with an item before it is parsed, as a fault whose pointer begins at the item. */
export const findComplexity = ({ tooDeepAt, outermostMembers }: JsonFacts) => {
  if (tooDeepAt !== undefined) return { pointer: tooDeepAt, message: tooDeep }
  if (outermostMembers <= outermostMembersMax) return undefined
  return { pointer: '', message: `has more than ${outermostMembersMax} members` }
}

/** The text with `null` in place of each item that is not to be parsed. */
const withoutTooComplex = (text: string, items: readonly JsonItem[]): string => {
  if (items.every((item) => findComplexity(item) === undefined)) return text
  let kept = ''
  let from = 0
  for (const item of items) {
    if (findComplexity(item) === undefined) continue
    kept += `${text.slice(from, item.start)}null`
    from = item.end
  }
  return kept + text.slice(from)
}

const charsetPattern = /;\s*charset\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;]*)/gi

const namesUtf8 = (contentType: string): boolean => {
  if (contentType === 'application/json') return true
  for (const [, charset = ''] of contentType.matchAll(charsetPattern)) {
    if (!/^"?utf-?8"?$/i.test(charset)) return false
  }
  return true
}
