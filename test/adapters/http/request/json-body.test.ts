import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test, vi } from 'vitest'
import { parseJsonBody } from '#adapters/http/request/json-body.ts'
import { scanJson } from '#adapters/http/request/json-scan.ts'

const findForbiddenKey = (text: string): string | undefined => {
  const scan = scanJson(text, { containersMax: 1_000, keys: 'compared' })
  return scan.kind === 'forbidden' ? scan.detail : undefined
}

const parse = (text: string, contentType = 'application/json') => parseJsonBody(Buffer.from(text), contentType)

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

  test('of a batch is parsed but for the tasks that are too complex', () => {
    const deep = `{"type":"a","payload":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
    const body = parse(`{"tasks":[{"type":"b"}, ${deep} ,{"type":"c"}]}`)
    expect(body).toMatchObject({ kind: 'json', value: { tasks: [{ type: 'b' }, null, { type: 'c' }] } })
  })

  test('of no bytes is empty, not malformed', () => {
    expect(parse('')).toStrictEqual({ kind: 'empty' })
  })
})
