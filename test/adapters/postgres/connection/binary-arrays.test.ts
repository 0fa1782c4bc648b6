import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  type BinaryArray,
  itself,
  toBigintArray,
  toByteaArray,
  toIntArray,
  toJsonArray,
  toTextArray,
  toUuidArray,
} from '#adapters/postgres/connection/binary-arrays.ts'

let client: pg.Client
beforeAll(async () => {
  client = new pg.Client({ connectionString: inject('postgresUrl') })
  await client.connect()
})
afterAll(() => client.end())

/** The array as the server understands it, its elements as text. */
const readBack = async (array: BinaryArray, type: string): Promise<unknown> => {
  const { rows } = await client.query<{ read: unknown }>(`select $1::${type}[]::text[] as read`, [array])
  return rows[0]?.read
}

/** Few different values, so that they repeat, with nulls in between. */
const some = <Value>(value: fc.Arbitrary<Value>) =>
  fc
    .array(value, { minLength: 1, maxLength: 3 })
    .chain((values) => fc.array(fc.option(fc.constantFrom(...values)), { minLength: 1, maxLength: 20 }))

const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0') && value.isWellFormed())
const digits = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex'))

const check = async <Value>(
  type: string,
  value: fc.Arbitrary<Value>,
  encode: (values: readonly (Value | null)[]) => BinaryArray,
  show: (value: Value) => string = String,
): Promise<void> => {
  await fc.assert(
    fc.asyncProperty(some(value), async (values) => {
      const shown = values.map((one) => (one === null ? null : show(one)))
      expect(await readBack(encode(values), type)).toEqual(shown.every((one) => one === null) ? null : shown)
    }),
    { numRuns: 60 },
  )
}

describe('an array in binary form is read by the server as it was given', () => {
  it('of texts', () => check('text', text, (values) => toTextArray(values, itself)))
  it('of JSON texts', () =>
    check(
      'json',
      text.map((value) => JSON.stringify(value)),
      (values) => toJsonArray(values, itself),
    ))
  it('of whole numbers of 32 bits', () => check('int', fc.integer(), (values) => toIntArray(values, itself)))
  it('of safe integers', () => check('bigint', fc.maxSafeInteger(), (values) => toBigintArray(values, itself)))
  it('of bytes', () =>
    check(
      'bytea',
      digits,
      (values) => toByteaArray(values, itself),
      (value) => `\\x${value}`,
    ))
  it('of UUIDs', () => check('uuid', fc.uuid(), (values) => toUuidArray(values, itself)))
  it('of UUIDs in capitals', () =>
    check('uuid', fc.uuid(), (values) => toUuidArray(values, (value) => value?.toUpperCase() ?? null)))
})
