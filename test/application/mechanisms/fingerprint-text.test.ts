import { Buffer } from 'node:buffer'
import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { canonicalize } from '#application/mechanisms/canonical-json.ts'
import { toFingerprintText } from '#application/mechanisms/fingerprint-text.ts'

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}
class Points {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}
class Sealed {
  readonly #cents = 5
  toJSON() {
    return { cents: this.#cents }
  }
}
class Hidden {
  readonly #cents = 5
  read() {
    return this.#cents
  }
}

const withLength = (length: number): unknown => Object.assign([], { length })

/** A fresh value each time, so that nothing is equal for being the same object. */
const makers: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  'an empty object': () => ({}),
  'an undefined member': () => ({ a: undefined }),
  'an empty list': () => [],
  'a list of undefined': () => [undefined],
  'a list with a hole': () => withLength(1),
  'a list with a member': () => Object.assign([], { a: 1 }),
  zero: () => 0,
  'minus zero': () => -0,
  'no number': () => Number.NaN,
  infinity: () => Number.POSITIVE_INFINITY,
  'minus infinity': () => Number.NEGATIVE_INFINITY,
  one: () => 1,
  'a large one': () => 1n,
  'one as text': () => '1',
  'a large one as text': () => '1n',
  'a boxed one': () => new Number(1),
  'a boxed large one': () => Object(1n),
  'a boxed text': () => new String('1'),
  'a boxed truth': () => new Boolean(true),
  'the truth': () => true,
  'a date': () => new Date(0),
  'a date as text': () => '1970-01-01T00:00:00.000Z',
  'a date that is none': () => new Date(Number.NaN),
  'an instant': () => Temporal.Instant.fromEpochMilliseconds(0),
  'an empty Map': () => new Map(),
  'a Map': () => new Map([['a', 1]]),
  'a Map with a number as key': () => new Map([[1, 1]]),
  'a Map of a Map': () => new Map([['a', new Map([['b', 1]])]]),
  'an object like a Map': () => ({ a: 1 }),
  'an empty Set': () => new Set(),
  'a Set': () => new Set(['a']),
  'a Set of two': () => new Set(['a', 1]),
  'a list': () => ['a'],
  bytes: () => new Uint8Array([1, 2]),
  'bytes like an object': () => ({ 0: 1, 1: 2 }),
  'a Buffer': () => Buffer.from([1, 2]),
  'a part of a Buffer': () => Buffer.from([0, 2, 2, 0]).subarray(1, 3),
  words: () => new Uint16Array([513]),
  'an ArrayBuffer': () => new Uint8Array([1, 2]).buffer,
  'a SharedArrayBuffer': () => new SharedArrayBuffer(2),
  'a view of data': () => new DataView(new Uint8Array([1, 2]).buffer),
  'a regular expression': () => /a/,
  'a regular expression with a flag': () => /a/g,
  'an address': () => new URL('http://a/'),
  money: () => new Money(5),
  'other money': () => new Money(6),
  'an instance of another class': () => new Points(5),
  'what looks like money': () => ({ cents: 5 }),
  'an instance that says what it is': () => new Sealed(),
  'a Map with a member': () => Object.assign(new Map(), { a: 1 }),
  'an error': () => new Error('a'),
  'an error with a code': () => Object.assign(new Error('a'), { code: 1 }),
  'an error with a cause': () => new Error('a', { cause: new Error('b') }),
  'several errors': () => new AggregateError([new Error('b')], 'a'),
  'a TypeError': () => new TypeError('a'),
}

describe('the text of a fingerprint', () => {
  property.prop([fc.jsonValue()])('of what JSON can say is its canonical form', (value) => {
    const parsed: unknown = JSON.parse(JSON.stringify(value))
    expect(toFingerprintText(parsed)).toBe(canonicalize(parsed))
  })

  test('is the same for equal values', () => {
    for (const [name, make] of Object.entries(makers)) {
      expect(toFingerprintText({ list: [make()] }), name).toBe(toFingerprintText({ list: [make()] }))
    }
  })

  test('is another for each other value', () => {
    const texts = Object.values(makers).map((make) => toFingerprintText(make()))
    const equal = Object.keys(makers).filter((_, index) => texts.indexOf(texts[index] ?? '') !== index)
    expect(equal).toEqual([])
  })

  test('is that of no JSON, for values that JSON cannot say', () => {
    const isJson = (text: string): boolean => {
      try {
        return JSON.stringify(JSON.parse(text)) !== undefined
      } catch {
        return false
      }
    }
    const said = Object.keys(makers).filter((name) => isJson(toFingerprintText(makers[name]?.())))
    expect(said).toEqual([
      'null',
      'an empty object',
      'an empty list',
      'zero',
      'minus zero',
      'one',
      'one as text',
      'a large one as text',
      'the truth',
      'a date as text',
      'an object like a Map',
      'a list',
      'bytes like an object',
      'what looks like money',
    ])
  })

  test('is the same in whatever order members, entries and elements were added', () => {
    const one = {
      a: 1,
      b: new Map<unknown, unknown>([
        ['x', 1],
        [{ y: 1, z: 2 }, 2],
      ]),
      c: new Set([1, '1']),
    }
    const other = {
      c: new Set(['1', 1]),
      b: new Map<unknown, unknown>([
        [{ z: 2, y: 1 }, 2],
        ['x', 1],
      ]),
      a: 1,
    }
    expect(toFingerprintText(one)).toBe(toFingerprintText(other))
  })

  test('of an object without a prototype is that of its members', () => {
    expect(toFingerprintText(Object.assign(Object.create(null), { b: 1, a: [] }))).toBe('{"a":[],"b":1}')
  })

  test('sees one object at two places', () => {
    const shared = { a: 1 }
    expect(toFingerprintText([shared, shared])).toBe('[{"a":1},{"a":1}]')
  })

  test.each<[string, unknown, string]>([
    ['a function', { list: [{ run: () => 1 }] }, 'input.list[0].run: no fingerprint sees a function'],
    ['a symbol', { a: Symbol('a') }, 'input.a: no fingerprint sees a symbol'],
    [
      'a member named by a symbol',
      { a: { [Symbol('s')]: 1 } },
      'input.a: no fingerprint sees a member named by Symbol(s)',
    ],
    ['a Promise', [Promise.resolve(1)], 'input[0]: no fingerprint sees what a "Promise" holds'],
    ['a WeakMap', new Map([['a', new WeakMap()]]), 'input.get("a"): no fingerprint sees what a "WeakMap" holds'],
    ['a WeakSet', new Set([new WeakSet()]), 'input.keys()[0]: no fingerprint sees what a "WeakSet" holds'],
    ['a WeakRef', new WeakRef({}), 'input: no fingerprint sees what a "WeakRef" holds'],
    [
      'a Promise with a member',
      Object.assign(Promise.resolve(1), { a: 1 }),
      'input: no fingerprint sees what a "Promise" holds',
    ],
    ['an object that hides all it has', { a: new Hidden() }, 'input.a: no fingerprint sees what a "Hidden" holds'],
    ['headers', new Headers({ a: 'b' }), 'input: no fingerprint sees what a "Headers" holds'],
    ['a Blob', new Blob(['a']), 'input: no fingerprint sees a member named by Symbol(kHandle)'],
  ])('is refused for %s, and says where it is', (_, value, message) => {
    expect(() => toFingerprintText(value)).toThrow(new TypeError(message))
  })

  test('is refused for an object that contains itself', () => {
    const cycle: { next?: unknown } = {}
    cycle.next = new Map([['back', cycle]])
    expect(() => toFingerprintText(cycle)).toThrow(
      'input.next.get("back"): no fingerprint sees an object that contains',
    )
  })

  test('is refused for what would never end or never fit', () => {
    let deep: unknown = 1
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep]
    expect(() => toFingerprintText(deep)).toThrow('more than 200 containers within each other')
    let wide: unknown = [1, 1]
    for (let depth = 0; depth < 100; depth += 1) wide = [wide, wide]
    expect(() => toFingerprintText(wide)).toThrow('more than 2097152 values, characters and bytes')
    expect(() => toFingerprintText(new Uint8Array(2_097_152))).toThrow(TypeError)
    expect(() => toFingerprintText(withLength(4_294_967_295))).toThrow(TypeError)
    expect(() => toFingerprintText('a'.repeat(2_097_152))).toThrow(TypeError)
  })
})
