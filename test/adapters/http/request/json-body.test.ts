import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test, vi } from 'vitest'
import { parseBodyItem, parseJsonBody, parseLongJsonBody } from '#adapters/http/request/json-body.ts'
import { scanJson } from '#adapters/http/request/json-scan.ts'

const bounds = { membersMax: 1_000_000, itemsMax: 1_000 }

const findForbiddenKey = (text: string): string | undefined => {
  const scan = scanJson(text, { containersMax: 1_000, ...bounds })
  return scan.kind === 'forbidden' ? scan.detail : undefined
}

const parse = (text: string, contentType = 'application/json') => parseJsonBody(Buffer.from(text), { contentType })
const parseBatch = (text: string) =>
  parseJsonBody(Buffer.from(text), { contentType: 'application/json', itemsIn: 'tasks' })

/** JSON with the members of an object as pairs, so that a key can occur twice. */
type Value = { readonly leaf: string } | { readonly list: readonly Value[] } | { readonly pairs: readonly Pair[] }
type Pair = readonly [key: string, value: Value]

const key = fc.constantFrom('a', 'b', '', '"', '\\', '{', 'é', '😀', '__proto__', 'constructor', 'prototype', 'proto')
const leaf = fc.oneof(
  fc.constantFrom('0', '-1.5e3', 'true', 'null'),
  key.map((text) => JSON.stringify(text)),
  fc.string().map((text) => JSON.stringify(text)),
)
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf.map((text) => ({ leaf: text })),
    fc.array(tie('value'), { maxLength: 3 }).map((list) => ({ list })),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 12 }).map((pairs) => ({ pairs })),
  ),
}))

/** Writes every other key in escapes only, which does not change the key. */
const write = (node: Value): string => {
  if ('leaf' in node) return node.leaf
  if ('list' in node) return `[ ${node.list.map(write).join(' ,\n')}]`
  const keys = node.pairs.map(([name], index) => (index % 2 === 0 ? JSON.stringify(name) : inEscapes(name)))
  return `{${node.pairs.map(([, member], index) => `${keys[index]} :\t${write(member)}`).join(',')} }`
}

const inEscapes = (name: string): string =>
  `"${Array.from({ length: name.length }, (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`

/** The same judgement by plain recursion. */
const isForbidden = (node: Value): boolean => {
  if ('leaf' in node) return false
  if ('list' in node) return node.list.some(isForbidden)
  const keys = node.pairs.map(([name]) => name)
  return (
    new Set(keys).size < keys.length ||
    keys.includes('__proto__') ||
    node.pairs.some(
      ([name, member]) =>
        isForbidden(member) ||
        (name === 'constructor' && 'pairs' in member && member.pairs.some(([inner]) => inner === 'prototype')),
    )
  )
}

describe('the scan for forbidden keys', () => {
  property.prop([value], { numRuns: 2_000 })('agrees with plain recursion', (node) => {
    const text = write(node)
    expect(() => JSON.parse(text)).not.toThrow()
    expect(findForbiddenKey(text) !== undefined).toBe(isForbidden(node))
  })

  test('meets every kind of key in that property', () => {
    const texts = fc.sample(value, { numRuns: 500, seed: 1 })
    expect(texts.some(isForbidden)).toBe(true)
    expect(texts.some((node) => 'pairs' in node && node.pairs.length > 1 && !isForbidden(node))).toBe(true)
  })

  test.each(['[', '{"a":'])('does not recurse into a million of %s', (opening) => {
    const count = 1_000_000 / opening.length
    const closing = opening === '[' ? ']' : '1}'
    const text = opening.repeat(count) + (opening === '[' ? closing.repeat(count) : `1${'}'.repeat(count)}`)
    expect(findForbiddenKey(text)).toBeUndefined()
  })
})

describe('a body', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF8',
    'application/json; charset="Utf-8"; x=y',
  ])('of type %s is read as UTF-8', (contentType) => {
    expect(parse('{"é":1}', contentType)).toMatchObject({ kind: 'json', value: { é: 1 } })
  })

  test('that is nested too deeply is not parsed, and the fault names the member it is in', () => {
    const nested = `${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}`
    expect(parse(`{"type":"a","payload":${nested}}`)).toEqual({
      kind: 'too-complex',
      pointer: '/payload',
      message: 'is more than 100 containers deep',
    })
  })

  test('with a forbidden key is not parsed either, however it goes on', () => {
    const parsed = vi.spyOn(JSON, 'parse')
    try {
      expect(parse(`{"a":1,"a":2,"payload":${'['.repeat(1_000)}`)).toMatchObject({ kind: 'malformed' })
      expect(parsed).not.toHaveBeenCalled()
    } finally {
      parsed.mockRestore()
    }
  })

  test('with more members than any request has is not parsed', () => {
    const members = Array.from({ length: 500_000 }, (_, index) => `"k${index}":1`)
    expect(parse(`{${members.join()}}`)).toMatchObject({ kind: 'too-complex', pointer: '' })
  })

  test('with more values than any payload has is not parsed', () => {
    const parsed = vi.spyOn(JSON, 'parse')
    try {
      expect(parse(`{"type":"a","payload":[${'[],'.repeat(600_000)}1]}`)).toMatchObject({ kind: 'too-large' })
      expect(parsed).not.toHaveBeenCalled()
    } finally {
      parsed.mockRestore()
    }
  })

  test('of a batch keeps its tasks as text, and each is refused for itself', () => {
    const deep = `{"type":"a","payload":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
    const large = `{"payload":[${'1,'.repeat(200_000)}1]}`
    const body = parseBatch(`{"tasks":[{"type":"b"}, ${deep} ,${large},{"type":c}] }`)
    if (body.kind !== 'json') throw new Error(body.kind)
    expect(body.value).toEqual({ tasks: [null, null, null, null] })
    expect(body.items.map((item) => parseBodyItem(item).kind)).toEqual([
      'json',
      'too-complex',
      'too-large',
      'malformed',
    ])
  })

  test.each([
    ['', '1,', 'malformed'],
    ['', '1 2', 'malformed'],
    ['"a":1,', '1', 'json'],
    ['"a":1', '1', 'malformed'],
    [`"a":"${'x'.repeat(100_000)}",`, '1', 'too-complex'],
    [`"a":[${'1,'.repeat(4_000_000)}1],`, '1', 'too-complex'],
    [`"payload":[${'1,'.repeat(4_000_000)}1],`, '1', 'too-large'],
    ['', '1,'.repeat(4_000_000), 'too-complex'],
  ])('of a batch is judged by what stands around its tasks, too: %#', (before, items, kind) => {
    const body = parseBatch(`{${before}"tasks":[${items}]}`)
    const itemsAreJson = body.kind === 'json' && body.items.every((item) => parseBodyItem(item).kind === 'json')
    expect(body.kind === 'json' && !itemsAreJson ? 'malformed' : body.kind).toBe(kind)
  })

  test('that is long is parsed the same', async () => {
    const text = JSON.stringify({ tasks: Array.from({ length: 900 }, (_, index) => ({ type: 'a', payload: [index] })) })
    const form = { contentType: 'application/json', itemsIn: 'tasks' }
    expect(await parseLongJsonBody(Buffer.from(text), form)).toEqual(parseJsonBody(Buffer.from(text), form))
  })

  test('of no bytes is empty, not malformed', () => {
    expect(parse('')).toStrictEqual({ kind: 'empty' })
  })
})
