import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { canonicalize } from '#application/mechanisms/canonical-json.ts'

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
  })

  const reversed = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toReversed())
      : value
})
