import { members } from './hostile-bodies.ts'
import type { Hostile } from './hostile-requests.ts'
import { toBytes } from './raw-exchange.ts'

const target = '/api/tasks/batch'
const good = '{"type":"a"}'

const badKeys = ['', ' ', 'a b', 'é', '\xff', 'a\tb', 'a'.repeat(256), '\x7f']

/** `POST /api/tasks` with malformed keys, and a batch with a key of its own. */
const keys = [
  ...badKeys.map((key) => ({ target: '/api/tasks', headers: [`Idempotency-Key: ${key}`], body: good })),
  { target: '/api/tasks', headers: ['Idempotency-Key: a', 'Idempotency-Key: b'], body: good },
  { target, headers: ['Idempotency-Key: a'], body: `{"tasks":[${good}]}` },
  { target: `${target}?atomic=true`, headers: ['Idempotency-Key: a'], body: `{"tasks":[${good}]}` },
].map((request) => ({ ...request, status: 400, code: 'invalid-header' }))

const noBatch = [
  '[]',
  '{}',
  'null',
  '1',
  '[{"type":"a"}]',
  '{"type":"a"}',
  '{"tasks":null}',
  '{"tasks":{}}',
  '{"tasks":"a"}',
  '{"tasks":[]}',
  `{"tasks":[${good}],"atomic":true}`,
  `{"tasks":[${good}],"idempotencyKey":"k"}`,
  `{"tasks":[${Array.from({ length: 1_001 }, () => good).join(',')}]}`,
  `{"tasks":[${Array.from({ length: 400_000 }, () => '1').join(',')}]}`,
].map((body) => ({ target, body, status: 422, code: 'validation-failed' }))

const queries = ['atomic=', 'atomic=1', 'atomic=yes', 'atomic=TRUE', 'atomic', 'atomic=true&atomic=true', 'x=1'].map(
  (query) => ({ target: `${target}?${query}`, body: `{"tasks":[${good}]}`, status: 422, code: 'validation-failed' }),
)

const noItems = [
  'null',
  '1',
  '"a"',
  '[]',
  '{}',
  '[[[[]]]]',
  ...['null', '1', '""', '"a b"', '"é"', '[]', `"${'k'.repeat(256)}"`, String.raw`"\u0000"`, String.raw`"\ud800"`].map(
    (key) => `{"type":"a","idempotencyKey":${key}}`,
  ),
  ...members.filter((member) => !member.startsWith('"idempotencyKey"')).map((member) => `{"type":"a",${member}}`),
].map((item) => ({
  target: `${target}?atomic=true`,
  body: `{"tasks":[${good},${item}]}`,
  status: 422,
  code: 'validation-failed',
}))

const malformed = [
  '',
  '{"tasks":[',
  `{"tasks":[${good},]}`,
  '{"tasks":[{"type":"a","type":"b"}]}',
  '{"tasks":[],"tasks":[]}',
  '{"tasks":[{"type":"a","payload":{"__proto__":1}}]}',
].map((body) => ({ target, body, status: 400, code: 'malformed-json' }))

const tooLarge = [
  { target, body: `{"tasks":[${good}]}${' '.repeat(8_388_608)}` },
  { target: `${target}?atomic=true`, body: `{"tasks":[${good},{"type":"a","payload":"${'x'.repeat(262_143)}"}]}` },
].map((request) => ({ ...request, status: 413, code: 'payload-too-large' }))

interface Refused {
  readonly target: string
  readonly headers?: readonly string[]
  readonly body: string
  readonly status: number
  readonly code: string
}

const toHostile = ({ status, code, ...request }: Refused): Hostile => ({
  name: `${request.target} ${request.body.slice(0, 70)} ${(request.headers ?? []).join(' ').slice(0, 40)}`,
  bytes: toBytes(request),
  status,
  code,
})

/** Batches that must be refused as a whole, and malformed keys. */
export const hostileBatches: readonly Hostile[] = [
  ...keys,
  ...noBatch,
  ...queries,
  ...noItems,
  ...malformed,
  ...tooLarge,
].map(toHostile)
