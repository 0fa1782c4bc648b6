/*
 * One-dimensional arrays in the binary form of the wire protocol, which costs both sides less than text: no quoting here,
 * no parsing there. `pg` sends a Buffer as a binary parameter. An array that would hold only nulls is null.
 *
 * Each takes what it is about and how a value is read off it, so that no array is made only to be read once. Values are
 * read twice: to measure, and to write.
 */

export type BinaryArray = Buffer | null

type Read<Item, Value> = (item: Item) => Value | null

/** For items that are values. */
export const itself = <Value>(value: Value): Value => value

const headerBytes = 20
const lengthBytes = 4
const nullLength = -1

const beginArray = (oid: number, count: number, nulls: number, valueBytes: number): Buffer => {
  const buffer = Buffer.allocUnsafe(headerBytes + lengthBytes * count + valueBytes)
  buffer.writeInt32BE(1, 0) // dimensions
  buffer.writeInt32BE(nulls > 0 ? 1 : 0, 4)
  buffer.writeInt32BE(oid, 8)
  buffer.writeInt32BE(count, 12)
  buffer.writeInt32BE(1, 16) // the lowest index
  return buffer
}

const countNulls = <Item>(items: readonly Item[], read: Read<Item, unknown>): number => {
  let nulls = 0
  for (const item of items) if (read(item) === null) nulls += 1
  return nulls
}

/** Each must fit into 32 bits. */
export const toIntArray = <Item>(items: readonly Item[], read: Read<Item, number>): BinaryArray => {
  const nulls = countNulls(items, read)
  if (nulls === items.length) return null
  const buffer = beginArray(23, items.length, nulls, intBytes * (items.length - nulls))
  let at = headerBytes
  for (const item of items) {
    const value = read(item)
    at = writeInt(buffer, value === null ? nullLength : intBytes, at)
    if (value !== null) at = writeInt(buffer, value, at)
  }
  return buffer
}

const intBytes = 4

/** Without the checks that `writeInt32BE` makes, several times an event. Answers where the next may stand. */
const writeInt = (buffer: Buffer, value: number, at: number): number => {
  buffer[at] = value >> 24
  buffer[at + 1] = value >> 16
  buffer[at + 2] = value >> 8
  buffer[at + 3] = value
  return at + intBytes
}

/** Each must be a safe integer. */
export const toBigintArray = <Item>(items: readonly Item[], read: Read<Item, number>): BinaryArray => {
  const nulls = countNulls(items, read)
  if (nulls === items.length) return null
  const buffer = beginArray(20, items.length, nulls, 2 * intBytes * (items.length - nulls))
  let at = headerBytes
  for (const item of items) {
    const value = read(item)
    at = writeInt(buffer, value === null ? nullLength : 2 * intBytes, at)
    if (value === null) continue
    at = writeInt(buffer, Math.floor(value / 2 ** 32), at)
    at = writeInt(buffer, value, at)
  }
  return buffer
}

/** Of UUIDs as text, in either case. */
export const toUuidArray = <Item>(items: readonly Item[], read: Read<Item, string>): BinaryArray => {
  const nulls = countNulls(items, read)
  if (nulls === items.length) return null
  const buffer = beginArray(2950, items.length, nulls, uuidBytes * (items.length - nulls))
  let at = headerBytes
  let last: string | undefined
  let lastAt = 0
  for (const item of items) {
    const value = read(item)
    at = writeInt(buffer, value === null ? nullLength : uuidBytes, at)
    if (value === null) continue
    // An incarnation is the same for all.
    if (value === last) buffer.copyWithin(at, lastAt, lastAt + uuidBytes)
    else writeUuid(buffer, value, at)
    last = value
    lastAt = at
    at += uuidBytes
  }
  return buffer
}

const uuidBytes = 16

/** Digit by digit: a text without the hyphens would be garbage, for several UUIDs an event. */
const writeUuid = (buffer: Buffer, value: string, at: number): void => {
  let from = 0
  for (let to = at; to < at + uuidBytes; to += 1) {
    if (from === 8 || from === 13 || from === 18 || from === 23) from += 1
    buffer[to] = (toNibble(value.charCodeAt(from)) << 4) | toNibble(value.charCodeAt(from + 1))
    from += 2
  }
}

/** The value of a hexadecimal digit in either case: letters have the bit of 64, and `A` stands at 1. */
const toNibble = (code: number): number => (code & 15) + 9 * (code >> 6)

export const toTextArray = <Item>(items: readonly Item[], read: Read<Item, string>): BinaryArray =>
  encodeTexts(25, items, read)

/** Of JSON text, which the server judges. */
export const toJsonArray = <Item>(items: readonly Item[], read: Read<Item, string>): BinaryArray =>
  encodeTexts(114, items, read)

const encodeTexts = <Item>(oid: number, items: readonly Item[], read: Read<Item, string>): BinaryArray => {
  let nulls = 0
  let bytes = 0
  for (const item of items) {
    const value = read(item)
    if (value === null) nulls += 1
    else bytes += Buffer.byteLength(value)
  }
  if (nulls === items.length) return null
  const buffer = beginArray(oid, items.length, nulls, bytes)
  let at = headerBytes
  let last: string | undefined
  let lastAt = 0
  let lastBytes = 0
  for (const item of items) {
    const value = read(item)
    if (value === null) {
      at = writeInt(buffer, nullLength, at)
      continue
    }
    const valueAt = at + lengthBytes
    // The word for a kind of event, and a small result, are the same again and again.
    if (value === last) buffer.copyWithin(valueAt, lastAt, lastAt + lastBytes)
    else lastBytes = buffer.write(value, valueAt)
    last = value
    lastAt = valueAt
    writeInt(buffer, lastBytes, at)
    at = valueAt + lastBytes
  }
  return buffer
}

/** Of bytes as hexadecimal digits. */
export const toByteaArray = <Item>(items: readonly Item[], read: Read<Item, string>): BinaryArray => {
  let nulls = 0
  let digits = 0
  for (const item of items) {
    const value = read(item)
    if (value === null) nulls += 1
    else digits += value.length
  }
  if (nulls === items.length) return null
  const buffer = beginArray(17, items.length, nulls, digits / 2)
  let at = headerBytes
  for (const item of items) {
    const value = read(item)
    const length = value === null ? nullLength : buffer.write(value, at + lengthBytes, 'hex')
    at = writeInt(buffer, length, at) + Math.max(length, 0)
  }
  return buffer
}
