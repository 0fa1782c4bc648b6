/**
 * JSON text that is the same for equal values, whatever the order of their members: `canonicalize` of what
 * `JSON.stringify` would write, so `toJSON` is heeded and undefined members are left out.
 *
 * Throws a TypeError for a value that is no JSON: undefined, a function, a symbol, a bigint, an object that contains itself.
 */
export const toCanonicalJson = (value: unknown): string => {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`a value of type ${typeof value} is no JSON`)
  return canonicalize(JSON.parse(text))
}

/**
 * The canonical form of a parsed JSON value (RFC 8785): no white space, keys by UTF-16 code units, numbers and strings as
 * ECMAScript writes them, which is what that standard asks for.
 *
 * Recursive: the caller bounds the depth of `value`.
 */
export const canonicalize = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalize).join(',')}]`
  const members = new Map<string, unknown>(Object.entries(value))
  const keys = [...members.keys()].toSorted(byCodeUnits)
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalize(members.get(key))}`).join(',')}}`
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
