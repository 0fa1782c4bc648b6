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
  const texts: string[] = []
  for (const item of items) {
    const text = read(item)
    if (text !== null) texts.push(text)
  }
  if (texts.length === 0) return null
  const codes = Buffer.from(texts.join(''), 'latin1')
  if (codes.length !== uuidDigits * texts.length) throw new RangeError('not all of them are UUIDs')
  const buffer = beginArray(2950, items.length, items.length - texts.length, uuidBytes * texts.length)
  let at = headerBytes
  let from = 0
  for (const item of items) {
    const isNull = texts.length < items.length && read(item) === null
    at = writeInt(buffer, isNull ? nullLength : uuidBytes, at)
    if (isNull) continue
    writeUuid(buffer, at, codes, from)
    at += uuidBytes
    from += uuidDigits
  }
  return buffer
}

const uuidBytes = 16
/** With its hyphens. */
const uuidDigits = 36

/**
 * From the codes of its digits: they are taken off all texts at once, because a text may be in pieces, and is asked for its
 * pieces at each digit.
 */
const writeUuid = (buffer: Buffer, at: number, codes: Buffer, first: number): void => {
  let from = first
  for (let to = at; to < at + uuidBytes; to += 1) {
    if (codes[from] === hyphen) from += 1
    buffer[to] = (toNibble(codes[from] ?? 0) << 4) | toNibble(codes[from + 1] ?? 0)
    from += 2
  }
}

const hyphen = 0x2d

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
    if (value === last) copyWithin(buffer, valueAt, lastAt, lastBytes)
    else lastBytes = buffer.write(value, valueAt)
    last = value
    lastAt = valueAt
    writeInt(buffer, lastBytes, at)
    at = valueAt + lastBytes
  }
  return buffer
}

/** A call of the one that buffers have is worth it for longer texts only. */
const copyWithin = (buffer: Buffer, to: number, from: number, bytes: number): void => {
  if (bytes > copiedByHandMax) buffer.copyWithin(to, from, from + bytes)
  else for (let at = 0; at < bytes; at += 1) buffer[to + at] = buffer[from + at] ?? 0
}

const copiedByHandMax = 40

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
