import type { JsonText } from '#domain/task/events.ts'

/**
 * JSON text that is the same for equal values, whatever the order of their members. For comparing only. What
 * `JSON.stringify` leaves out is left out; `toJSON` is heeded.
 *
 * Throws a TypeError for what is no JSON: undefined, a function, a symbol, a bigint, a value that contains itself.
 */
export const toCanonicalJson = (value: unknown): JsonText => {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`a value of type ${typeof value} is no JSON`)
  // Written and read once, so that what is sorted is plain data.
  return JSON.stringify(JSON.parse(text), sortMembers)
}

const sortMembers = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value
