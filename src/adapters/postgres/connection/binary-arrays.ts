/*
 * One-dimensional arrays in the binary form of the wire protocol. It costs less than text: this process quotes nothing and
 * the server parses nothing. `pg` sends a Buffer as a binary parameter. An array that would hold only nulls is null.
 *
 * Each function takes items and how to read a value off an item, so that no array of values is made only to be encoded. A
 * value is read twice: to measure it, and to write it.
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

/** Without the checks of `writeInt32BE`: this runs several times an event. Answers the position behind the value. */
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
 * Reads character codes rather than the text: V8 may hold a text in pieces and would look for the right piece at each digit.
 * The caller takes the codes off all texts at once.
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

/** The value of a hexadecimal digit in either case. A letter has bit 64 set, and its low four bits are 1 for `A` or `a`. */
const toNibble = (code: number): number => (code & 15) + 9 * (code >> 6)

export const toTextArray = <Item>(items: readonly Item[], read: Read<Item, string>): BinaryArray =>
  encodeTexts(25, items, read)

/** Of JSON as text. The server checks that it is JSON. */
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
    // Consecutive values are often equal: the type of an event, or a small result.
    if (value === last) copyWithin(buffer, valueAt, lastAt, lastBytes)
    else lastBytes = buffer.write(value, valueAt)
    last = value
    lastAt = valueAt
    writeInt(buffer, lastBytes, at)
    at = valueAt + lastBytes
  }
  return buffer
}

/** For short texts a loop is quicker than a call of `Buffer.copyWithin`. */
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
