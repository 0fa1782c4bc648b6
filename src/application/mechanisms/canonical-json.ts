/**
 * JSON text that is the same for equal values, whatever the order of their members, and another for others: `canonicalize`
 * of what `JSON.stringify` would write, so `toJSON` is heeded and undefined members are left out.
 *
 * Throws a TypeError for a value that is no JSON (undefined, a bigint, an object that contains itself), or that holds what
 * JSON leaves out, so that different values would look alike: a function, a symbol, a number that is not finite, an error, or
 * an object that keeps its content to itself, such as a Map, a Set, a Promise or a Blob.
 */
export const toCanonicalJson = (value: unknown): string => {
  const text: string | undefined = JSON.stringify(value, assertKept)
  if (text === undefined) throw new TypeError(`a value of type ${typeof value} is no JSON`)
  return canonicalize(JSON.parse(text))
}

/** For `JSON.stringify`, which calls it with each member and what `toJSON` made of it. */
const assertKept = (name: string, value: unknown): unknown => {
  if (isKept(value)) return value
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1)
  throw new TypeError(`JSON does not keep ${name === '' ? 'the value' : name}: ${kind}`)
}

const isKept = (value: unknown): boolean => {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return true
  if (value instanceof Error) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = prototype === null || prototype === Object.prototype
  return isPlain || Object.keys(value).length > 0 || JSON.stringify(value) !== '{}'
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
