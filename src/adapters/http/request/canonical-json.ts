import { createHash } from 'node:crypto'

/** SHA-256, in hexadecimal digits, of the canonical form of a parsed JSON value: equal for requests that say the same. */
export const toFingerprint = (value: unknown): string => createHash('sha256').update(canonicalize(value)).digest('hex')

/**
 * The canonical form of a parsed JSON value (RFC 8785): no white space, keys by UTF-16 code units, numbers and strings as
 * ECMAScript writes them, which is what that standard asks for.
 *
 * Recursive: `value` must have passed a schema, which bounds its depth.
 */
export const canonicalize = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalize).join(',')}]`
  const members = new Map<string, unknown>(Object.entries(value))
  const keys = [...members.keys()].toSorted(byCodeUnits)
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalize(members.get(key))}`).join(',')}}`
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
