import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { type JsonFacts, scanJson, scanLongJson } from '#adapters/http/request/json-scan.ts'

const bounds = { membersMax: 1_000_000, itemsMax: 1_000 }

const factsOf = (text: string, containersMax = 100): JsonFacts => {
  const scan = scanJson(text, { containersMax, ...bounds })
  if (scan.kind !== 'scanned') throw new Error(scan.kind)
  return scan.facts
}

const itemsOf = (text: string, containersMax = 100) => {
  const scan = scanJson(text, { containersMax, itemsIn: 'tasks', ...bounds })
  if (scan.kind !== 'scanned') throw new Error(scan.kind)
  return scan.items.map(({ start, end, ...facts }) => ({ text: text.slice(start, end).trim(), ...facts }))
}

/** The same count from what `JSON.parse` makes of it. */
const countMembers = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0
  const inner = Object.values(value).map(countMembers)
  return Object.keys(value).length + inner.reduce((sum, members) => sum + members, 0)
}

const anyJson = fc.oneof(fc.jsonValue(), fc.jsonValue({ noUnicodeString: false }))
const spaced = fc.tuple(anyJson, fc.constantFrom(undefined, 1, '\t', '\n  '))

describe('a scan of JSON', () => {
  it.prop([spaced])('counts what a parser builds', ([value, indent]) => {
    fc.pre(!JSON.stringify(value).includes('"__proto__"'))
    const { members } = factsOf(JSON.stringify(value, undefined, indent))
    expect(members).toEqual(countMembers(JSON.parse(JSON.stringify(value))))
  })

  it.prop([fc.array(anyJson, { maxLength: 8 }), fc.constantFrom(undefined, 1, '\n')])(
    'finds the items of a batch, each with its own facts',
    (values, indent) => {
      fc.pre(!JSON.stringify(values).includes('"__proto__"'))
      const items = itemsOf(JSON.stringify({ other: [[1]], tasks: values, last: 1 }, undefined, indent))
      expect(items.map(({ text }) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(values)))
      expect(items.map(({ members }) => members)).toEqual(JSON.parse(JSON.stringify(values)).map(countMembers))
    },
  )

  test('tells which member of the outermost object is nested too deeply, without another look at it', () => {
    const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
    expect(factsOf(`{"payload":${nested(99)},"b":1}`).tooDeepAt).toBeUndefined()
    expect(factsOf(`{"a":[],"pay/load":${nested(100)},"b":1}`).tooDeepAt).toBe('/pay~1load')
    expect(factsOf(`{"payload":${nested(100_000)},"b":1}`)).toMatchObject({
      tooDeepAt: '/payload',
      membersBesidePayload: 2,
    })
  })

  test('counts apart what stands beside the payload, of each item by itself', () => {
    expect(factsOf('{"payload":{"payload":[1,2]},"retry":{"payload":[3]},"tags":[4,5]}')).toMatchObject({
      members: 10,
      membersBesidePayload: 7,
    })
    const items = itemsOf('{"tasks":[{"payload":[1,2,3]},[4,5],{"a":{"b":1}}]}')
    expect(items.map(({ membersBesidePayload }) => membersBesidePayload)).toEqual([1, 2, 2])
  })

  test('looks only for the end of what holds too many members', () => {
    const text = `{"tasks":[{"payload":[${'[],"a",{"b":2},'.repeat(100)}1]},{"a":1},[${'1,'.repeat(50)}1],[2]]}`
    const scan = scanJson(text, { containersMax: 100, membersMax: 20, itemsIn: 'tasks', itemsMax: 10 })
    if (scan.kind !== 'scanned') throw new Error(scan.kind)
    expect(scan.ending).toBe('closed')
    expect(scan.items.map(({ start, end }) => JSON.parse(text.slice(start, end)))).toEqual(JSON.parse(text).tasks)
    expect(scan.items.map(({ members }) => members)).toEqual([21, 1, 21, 1])
    expect(scan.items.map(({ tooDeepAt }) => tooDeepAt)).toEqual([undefined, undefined, undefined, undefined])
    expect(factsOf(`[${'[],'.repeat(2_000_000)}1]`).members).toBe(bounds.membersMax + 1)
  })

  test('ends at the first item too many', () => {
    const scan = (items: number) => {
      const text = `{"tasks":[${Array.from({ length: items }, () => '1').join()}]}`
      return scanJson(text, { containersMax: 100, itemsIn: 'tasks', ...bounds }).kind
    }
    expect([scan(1_000), scan(1_001), scan(4_000_000)]).toEqual(['scanned', 'too-many-items', 'too-many-items'])
  })

  it.prop([anyJson, fc.integer({ min: 1, max: 3 })])('finds the same in turns', async (value, indent) => {
    const text = JSON.stringify({ a: 'x'.repeat(40_000), tasks: [value, value] }, undefined, indent)
    const options = { containersMax: 4, itemsIn: 'tasks', ...bounds }
    let rests = 0
    const turns = {
      isOver: () => true,
      rest: () => {
        rests += 1
        return Promise.resolve()
      },
    }
    expect(await scanLongJson(text, options, turns)).toEqual(scanJson(text, options))
    if (scanJson(text, options).kind === 'scanned') expect(rests).toBeGreaterThan(2)
  })

  test('counts the containers of an item from the item on', () => {
    const [first, second] = itemsOf('{"tasks":[{"payload":[[1]]},{"payload":[[[1]]]}]}', 3)
    expect(first?.tooDeepAt).toBeUndefined()
    expect(second?.tooDeepAt).toBe('/payload')
  })

  test.each<readonly [string, readonly string[]]>([
    ['9007199254740991', []],
    ['9007199254740992', []],
    ['9007199254740993', ['']],
    ['-9007199254740993', ['']],
    ['100000000000000000000', []],
    // What JSON.stringify writes for a double that is near it: it comes back as it was sent.
    ['-53006157825268410', []],
    ['53006157825268411', ['']],
    ['1e400', []],
    ['9007199254740993.0', []],
    ['9007199254740993e0', []],
    [`1${'0'.repeat(400)}`, ['']],
    [`${'9'.repeat(100_000)}`, ['']],
    ['"9007199254740993"', []],
    ['{"a":[0,{"b/c":9007199254740993}]}', ['/a/1/b~1c']],
    ['[1,9007199254740993,[2,9007199254740995]]', ['/1', '/2/1']],
  ])('finds integers that a double does not hold: %s', (text, pointers) => {
    expect(factsOf(text).inexact).toEqual(pointers)
  })

  test('names a hundred of them at most', () => {
    expect(factsOf(`[${'9007199254740993,'.repeat(500)}1]`).inexact).toHaveLength(100)
  })

  test.each<readonly [string, string]>([
    ['{"a":1,"a":2}', 'A key occurs twice in one object.'],
    ['{"a":1,"\\u0061":2}', 'A key occurs twice in one object.'],
    [
      `{${Array.from({ length: 20 }, (_, index) => `"k${index % 19}":1`).join(',')}}`,
      'A key occurs twice in one object.',
    ],
    ['[{"b":{"__proto__":1}}]', 'A key is __proto__.'],
    ['{"constructor":{"prototype":1}}', 'A constructor holds a prototype.'],
  ])('refuses what JSON.parse passes over in silence: %s', (text, detail) => {
    expect(scanJson(text, { containersMax: 100, ...bounds })).toEqual({ kind: 'forbidden', detail })
  })

  test.each([
    '{"a":"\\"a\\":1","b":{"a":1}}',
    '{"constructor":[{"prototype":1}]}',
    '{"a\\\\":1,"a":2}',
    '["a","a"]',
    '{"__PROTO__":1}',
  ])('takes %s', (text) => {
    expect(scanJson(text, { containersMax: 100, ...bounds }).kind).toBe('scanned')
  })

  it.prop([fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\0123456789.eE- \n')) })])(
    'ends for what is no JSON at all',
    (text) => {
      expect(['scanned', 'forbidden']).toContain(scanJson(text, { containersMax: 5, itemsIn: '0', ...bounds }).kind)
    },
  )
})
