import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { canonicalize, toCanonicalJson } from '#application/mechanisms/canonical-json.ts'

describe('the canonical form of JSON', () => {
  test('is that of the standard', () => {
    // The examples of RFC 8785, sections 3.2.2 and 3.2.3.
    const value: unknown = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    )
    expect(canonicalize(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    const keys: unknown = JSON.parse(
      '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}',
    )
    expect(Object.values(JSON.parse(canonicalize(keys)))).toHaveLength(7)
    expect(canonicalize(keys).match(/:"(\w+)/g)).toStrictEqual([
      ':"Carriage',
      ':"One',
      ':"Control',
      ':"Latin',
      ':"Euro',
      ':"Emoji',
      ':"Hebrew',
    ])
  })

  test('puts keys that are numbers where their text belongs', () => {
    expect(canonicalize(JSON.parse('{"b":1,"9":2,"10":3,"a":-0}'))).toBe('{"10":3,"9":2,"a":0,"b":1}')
  })

  property.prop([fc.jsonValue()])('says the same, however its members are ordered', (value) => {
    const canonical = canonicalize(value)
    expect(JSON.parse(canonical)).toEqual(JSON.parse(JSON.stringify(value)))
    expect(canonicalize(JSON.parse(JSON.stringify(value, reversed)))).toBe(canonical)
    expect(toCanonicalJson(value)).toBe(canonical)
  })

  const reversed = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toReversed())
      : value

  test.each([undefined, () => 1, Symbol('a'), 1n])('is refused for a value that is no JSON: %s', (value) => {
    expect(() => toCanonicalJson(value)).toThrow(TypeError)
  })

  test.each<[string, unknown]>([
    ['a Map', new Map([['a', 1]])],
    ['a Set', new Set([1])],
    ['a Promise', Promise.resolve(1)],
    ['a regular expression', /a/],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['a Blob', new Blob(['a'])],
    ['an error', Object.assign(new Error('a'), { code: 1 })],
    ['headers', new Headers({ a: 'b' })],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['no number', Number.NaN],
    ['an infinite number', Number.POSITIVE_INFINITY],
    ['a bigint', 1n],
  ])('is refused for a value that holds what JSON would leave out: %s', (_, value) => {
    expect(() => toCanonicalJson({ list: [value] })).toThrow(TypeError)
    expect(() => toCanonicalJson(value)).toThrow(TypeError)
  })

  test.each<[unknown, string]>([
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [{ a: {}, b: [] }, '{"a":{},"b":[]}'],
    [new Number(5), '5'],
    [new URL('http://a/'), '"http://a/"'],
    [new Uint8Array([1, 2]), '{"0":1,"1":2}'],
  ])('keeps what JSON keeps: %s', (value, text) => {
    expect(toCanonicalJson(value)).toBe(text)
  })

  test('of a value that was never parsed heeds toJSON, and leaves out what JSON.stringify leaves out', () => {
    expect(toCanonicalJson({ b: new Date(0), a: undefined })).toBe('{"b":"1970-01-01T00:00:00.000Z"}')
  })
})
