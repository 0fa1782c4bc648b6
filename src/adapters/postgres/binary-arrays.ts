/*
 * One-dimensional arrays in the binary form of the wire protocol, which costs both sides less than text: no quoting here,
 * no parsing there. `pg` sends a Buffer as a binary parameter. An array that would hold only nulls is null.
 */

export type BinaryArray = Buffer | null

type Values<Value> = readonly (Value | null)[]

interface ElementType<Value> {
  readonly oid: number
  readonly bytesOf: (value: Value) => number
  /** Answers how many bytes it wrote, which is as many as `bytesOf` says. */
  readonly write: (buffer: Buffer, value: Value, at: number) => number
}

const headerBytes = 20
const lengthBytes = 4

/** Reads the values twice instead of keeping what each weighs: once to measure, once to write. */
const encodeArray = <Value>({ oid, bytesOf, write }: ElementType<Value>, values: Values<Value>): BinaryArray => {
  let nulls = 0
  let bytes = headerBytes + lengthBytes * values.length
  for (const value of values) {
    if (value === null) nulls += 1
    else bytes += bytesOf(value)
  }
  if (nulls === values.length) return null
  const buffer = Buffer.allocUnsafe(bytes)
  buffer.writeInt32BE(1, 0) // dimensions
  buffer.writeInt32BE(nulls > 0 ? 1 : 0, 4)
  buffer.writeInt32BE(oid, 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16) // the lowest index
  let at = headerBytes
  for (const value of values) {
    const length = value === null ? -1 : write(buffer, value, at + lengthBytes)
    buffer.writeInt32BE(length, at)
    at += lengthBytes + Math.max(length, 0)
  }
  return buffer
}

const text = (oid: number): ElementType<string> => ({
  oid,
  bytesOf: (value) => Buffer.byteLength(value),
  write: (buffer, value, at) => buffer.write(value, at),
})

const int4: ElementType<number> = {
  oid: 23,
  bytesOf: () => 4,
  write: (buffer, value, at) => buffer.writeInt32BE(value, at) - at,
}

const int8: ElementType<number> = {
  oid: 20,
  bytesOf: () => 8,
  write: (buffer, value, at) => {
    const high = Math.floor(value / 2 ** 32)
    buffer.writeInt32BE(high, at)
    return buffer.writeUInt32BE(value - high * 2 ** 32, at + 4) - at
  },
}

const uuidBytes = 16

const uuid: ElementType<string> = {
  oid: 2950,
  bytesOf: () => uuidBytes,
  // Digit by digit: a text without the hyphens would be garbage, for several UUIDs an event.
  write: (buffer, value, at) => {
    let from = 0
    for (let to = at; to < at + uuidBytes; to += 1) {
      if (value.charCodeAt(from) === hyphen) from += 1
      buffer[to] = (digitAt(value, from) << 4) | digitAt(value, from + 1)
      from += 2
    }
    return uuidBytes
  },
}

const hyphen = 0x2d

/** The values of hexadecimal digits in either case, by their codes. */
const digits = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase())),
)

const digitAt = (value: string, index: number): number => digits[value.charCodeAt(index)] ?? 0

const bytea: ElementType<string> = {
  oid: 17,
  bytesOf: (value) => value.length / 2,
  write: (buffer, value, at) => buffer.write(value, at, 'hex'),
}

const texts = text(25)
const jsons = text(114)

export const toTextArray = (values: Values<string>): BinaryArray => encodeArray(texts, values)
/** Of JSON text, which the server judges. */
export const toJsonArray = (values: Values<string>): BinaryArray => encodeArray(jsons, values)
/** Each must fit into 32 bits. */
export const toIntArray = (values: Values<number>): BinaryArray => encodeArray(int4, values)
/** Each must be a safe integer. */
export const toBigintArray = (values: Values<number>): BinaryArray => encodeArray(int8, values)
/** Of bytes as hexadecimal digits. */
export const toByteaArray = (values: Values<string>): BinaryArray => encodeArray(bytea, values)
export const toUuidArray = (values: Values<string>): BinaryArray => encodeArray(uuid, values)
