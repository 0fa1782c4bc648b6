import { describe, expect, test } from 'vitest'
import {
  findTaskId,
  mintedAt,
  parseAppendId,
  parseIncarnation,
  parseTaskId,
  trustAppendId,
  trustTaskId,
} from '#domain/identifiers.ts'

const uuid = '01920000-0000-7000-8000-00000000abcd'

describe('a task id', () => {
  test('is a UUID in either case, kept in lower case', () => {
    expect(findTaskId(uuid)).toBe(uuid)
    expect(findTaskId(uuid.toUpperCase())).toBe(uuid)
    expect(parseTaskId(uuid.toUpperCase())).toBe(uuid)
  })

  test.each(['', 'x', uuid.slice(1), `${uuid}0`, ` ${uuid}`, `${uuid}\n`, uuid.replaceAll('-', ''), `{${uuid}}`])(
    'is not %j',
    (text) => {
      expect(findTaskId(text)).toBeUndefined()
      expect(() => parseTaskId(text)).toThrow(RangeError)
    },
  )

  test('that is none is not repeated at length in the message', () => {
    expect(() => parseTaskId('x'.repeat(1_000))).toThrow(new RangeError(`not a task id: ${'x'.repeat(64)}`))
  })

  test('of version 7 says when it was minted', () => {
    expect(mintedAt(parseTaskId('019b76da-a800-7000-8000-000000000000'))).toBe(Date.UTC(2026, 0, 1))
  })
})

describe.each([
  { name: 'an incarnation', parse: parseIncarnation },
  { name: 'an append id', parse: parseAppendId },
])('$name', ({ name, parse }) => {
  test('is a UUID in lower case', () => {
    expect(parse(uuid)).toBe(uuid)
  })

  test.each([uuid.toUpperCase(), '', 'x'])('is not %j', (text) => {
    expect(() => parse(text)).toThrow(RangeError)
  })

  test('that is none is not repeated at length in the message', () => {
    expect(() => parse('x'.repeat(1_000))).toThrow(new RangeError(`not ${name}: ${'x'.repeat(64)}`))
  })
})

describe.each([
  { name: 'a task id', trust: trustTaskId },
  { name: 'an append id', trust: trustAppendId },
])('$name that is believed', ({ name, trust }) => {
  test('is as long as one, whatever it says', () => {
    expect(trust(uuid)).toBe(uuid)
    expect(trust('x'.repeat(36))).toBe('x'.repeat(36))
  })

  test.each(['', uuid.slice(1), `${uuid}0`])('is not %j', (text) => {
    expect(() => trust(text)).toThrow(new RangeError(`not ${name}: ${text}`))
  })

  test('and is none is not repeated at length in the message', () => {
    expect(() => trust('x'.repeat(1_000))).toThrow(new RangeError(`not ${name}: ${'x'.repeat(64)}`))
  })
})
