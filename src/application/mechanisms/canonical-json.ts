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

/** For sorting, as RFC 8785 orders the keys of objects. */
export const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
