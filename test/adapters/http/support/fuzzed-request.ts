import fc from 'fast-check'
import type { OpenApi, Operation } from './openapi-document.ts'
import { fromSchema } from './schema-arbitrary.ts'

/** A request made from the document, valid or spoilt. */
export interface FuzzedRequest {
  readonly method: string
  readonly path: string
  readonly described: Operation
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer | undefined
}

/** Requests for one operation of the document. `taskIds` are of tasks that exist, the first with an effect `charge`. */
export const requestsFor = (
  [method, path, described]: readonly [string, string, Operation],
  document: OpenApi,
  taskIds: readonly string[],
): fc.Arbitrary<FuzzedRequest> =>
  fc
    .record({
      id: oftenly(fc.constantFrom(...taskIds), fc.oneof(fc.uuid(), oddText)),
      query: queries(described, document),
      headers: headers(described),
      body: bodies(described, document),
      name: oftenly(fc.constant('charge'), oddText),
    })
    .map(({ name, id, query, headers: given, body }) => ({
      method: method.toUpperCase(),
      path,
      described,
      target: `${path.replace('{id}', () => encodeLoosely(id) || 'x').replace('{name}', () => encodeLoosely(name) || 'x')}${query}`,
      headers: given,
      body,
    }))

const oddTexts = [
  '',
  '0',
  '-1',
  '1e400',
  'null',
  '__proto__',
  'constructor',
  '[object Object]',
  '\u0000',
  '\ud800',
  '\u{10ffff}',
  "' or ''='",
  '../../etc/passwd',
  '%',
  '%00',
  'x'.repeat(3_000),
  '9007199254740993',
  '2026-02-30T00:00:00Z',
  'latest',
]

const oddText = fc.oneof(fc.constantFrom(...oddTexts), fc.string({ unit: 'binary', maxLength: 40 }))

const oddValues: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  [],
  {},
  [[[]]],
  { constructor: { prototype: 1 } },
  JSON.parse('{"__proto__":1}'),
  ...oddTexts,
]

/** The first three times in four, else the second. */
const oftenly = <Value>(one: fc.Arbitrary<Value>, other: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ arbitrary: one, weight: 3 }, { arbitrary: other, weight: 1 })

/** Half a surrogate pair has no percent-encoding: it goes as it is, and Node makes a byte of it. */
const encodeLoosely = (text: string): string => (text.isWellFormed() ? encodeURIComponent(text) : '%ed%a0%80')

const queries = ({ parameters = [] }: Operation, document: OpenApi): fc.Arbitrary<string> => {
  const documented = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) =>
      fc.option(
        oftenly(fromSchema(schema, document.components.schemas).map(String), oddText).map(
          (value) => `${encodeURIComponent(name)}=${encodeLoosely(value)}`,
        ),
        { nil: '', freq: 1 },
      ),
    )
  const unknown = fc.tuple(oddText, oddText).map(([name, value]) => `${encodeLoosely(name)}=${encodeLoosely(value)}`)
  return fc
    .tuple(fc.tuple(...documented), fc.oneof({ arbitrary: fc.constant(''), weight: 7 }, unknown))
    .map(([known, other]) => {
      const pairs = [...known, other].filter((pair) => pair !== '')
      return pairs.length === 0 ? '' : `?${pairs.join('&')}`
    })
}

/** The text that Node sends as a header: characters of a byte, no control characters but the tab. */
const headerText = fc
  .oneof(
    fc.constantFrom('"1"', '*', 'W/"1"', 'x', '', '\xff', '\t'),
    fc.string({ unit: 'binary-ascii', maxLength: 40 }),
  )
  .map((text) => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ''))

const headers = ({ parameters = [] }: Operation): fc.Arbitrary<readonly (readonly [string, string])[]> => {
  const documented = parameters
    .filter((parameter) => parameter.in === 'header')
    .map(({ name }) =>
      fc.option(
        headerText.map((value) => [name, value] as const),
        { nil: undefined, freq: 3 },
      ),
    )
  const accept = fc.option(
    fc
      .constantFrom('*/*', 'application/json', 'text/event-stream', 'text/html', 'application/json;q=0, */*')
      .map((value) => ['accept', value] as const),
    { nil: undefined, freq: 3 },
  )
  return fc
    .tuple(fc.tuple(...documented), accept)
    .map(([known, other]) => [...known, other].filter((header) => header !== undefined))
}

const bodies = ({ requestBody }: Operation, document: OpenApi): fc.Arbitrary<Buffer | undefined> => {
  const schema = requestBody?.content['application/json']?.schema
  if (schema === undefined) return fc.constant(undefined)
  const valid = fromSchema(schema, document.components.schemas)
  const odd = fc.oneof(fc.constantFrom(...oddValues), fc.jsonValue({ maxDepth: 3 }))
  const spoilt = fc.tuple(valid, fc.nat(), odd).map(([value, where, other]) => replaceIn(value, where, other))
  const text = oftenly(valid, spoilt).map((value) => Buffer.from(JSON.stringify(value) ?? ''))
  const cut = fc.tuple(text, fc.nat(), fc.uint8Array({ maxLength: 4 })).map(([bytes, where, more]) => {
    const at = where % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + (where % 3))])
  })
  return fc.oneof({ arbitrary: text, weight: 3 }, { arbitrary: cut, weight: 1 })
}

/** The value with one member replaced, which `where` steps through its members lead to, or with one member added. */
const replaceIn = (value: unknown, where: number, other: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return other
  const entries = Object.entries(value)
  const at = where % (entries.length + 1)
  const steps = Math.floor(where / (entries.length + 1))
  if (Array.isArray(value)) {
    return at === value.length ? [...value, other] : value.map((member, index) => (index === at ? other : member))
  }
  const [key = `x${steps}`, member] = entries[at] ?? []
  const replaced = steps % 2 === 0 ? other : replaceIn(member, Math.floor(steps / 2), other)
  return Object.fromEntries([...entries.filter(([name]) => name !== key), [key, replaced]])
}
