import { isUtf8 } from 'node:buffer'
import { findForbiddenKey } from './json-keys.ts'

/** A parsed body. A malformed one is refused by the endpoint: an error here would make Fastify close the connection. */
export type JsonBody =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'empty' }
  | { readonly kind: 'malformed'; readonly detail: string }

const emptyBody: JsonBody = { kind: 'empty' }
const malformed = (detail: string): JsonBody => ({ kind: 'malformed', detail })

/**
 * Parses JSON strictly: UTF-8 without a byte order mark, no key twice in one object, no `__proto__`, no `constructor` that
 * holds a `prototype`. Takes linear time and no recursion, whatever the depth.
 */
export const parseJsonBody = (bytes: Buffer, contentType: string): JsonBody => {
  if (!namesUtf8(contentType)) return malformed('The charset must be UTF-8.')
  if (bytes.length === 0) return emptyBody
  if (!isUtf8(bytes)) return malformed('The body is not UTF-8.')
  const text = bytes.toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    const forbidden = findForbiddenKey(text)
    return forbidden === undefined ? { kind: 'json', value } : malformed(forbidden)
  } catch (error) {
    if (error instanceof SyntaxError) return malformed('The body is not JSON.')
    throw error
  }
}

const charsetPattern = /;\s*charset\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;]*)/gi

const namesUtf8 = (contentType: string): boolean => {
  if (contentType === 'application/json') return true
  for (const [, charset = ''] of contentType.matchAll(charsetPattern)) {
    if (!/^"?utf-?8"?$/i.test(charset)) return false
  }
  return true
}
