import { hostileAddresses } from './hostile-addresses.ts'
import { toBytes } from './raw-exchange.ts'

/** A hostile request, and the refusal that it must get. */
export interface Hostile {
  readonly name: string
  readonly bytes: Buffer
  readonly status: number
  readonly code: string
}

const aTask = '/api/tasks/019b76da-a800-7c3e-8f6e-2f1d9c0b5a41'
const body = '{"type":"a"}'

const contentTypes = [
  'text/plain',
  'text/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/xml',
  'application/jsonp',
  'application/json5',
  'application/problem+json',
  'application/*',
  '*/*',
  'json',
  '/',
  ';',
  'application/',
  'application/json/x',
  'application/octet-stream',
  'application/json, text/plain',
  'application /json',
  '"application/json"',
  '',
].map((type) => ({ headers: [`Content-Type: ${type}`], status: 415, code: 'unsupported-media-type' }))

const charsets = ['latin1', 'iso-8859-1', 'utf-16', 'utf-16le', 'ascii', '"utf-7"', 'x', ''].map((charset) => ({
  headers: [`Content-Type: application/json; charset=${charset}`],
  status: 400,
  code: 'malformed-json',
}))

const badHeaders = [
  ...['gzip', 'deflate', 'br', 'zstd', 'gzip, br', 'x'].map((encoding) => ({
    headers: [`Content-Encoding: ${encoding}`],
    status: 415,
    code: 'unsupported-media-type',
  })),
  ...['', 'a\tb', '\xff', '\xc3', '\x80', '\x7f', 'a\x01b', 'a'.repeat(256), '\xe2\x80'].flatMap((value) =>
    ['X-Actor', 'X-Reason'].map((name) => ({
      headers: [`${name}: ${name === 'X-Reason' && value.length > 255 ? 'a'.repeat(1_001) : value}`],
      status: 400,
      code: 'invalid-header',
    })),
  ),
  ...[
    'text/html',
    'text/*',
    'image/png',
    'application/xml',
    'application/json;q=0',
    '*/*;q=0',
    'application/json;q=0, */*',
    'x',
    ',',
    'application/json;q=x',
    'text/event-stream',
  ].map((accept) => ({
    headers: [`Accept: ${accept}`],
    status: 406,
    code: 'not-acceptable',
  })),
  { headers: [`X-Flood: ${'f'.repeat(20_000)}`], status: 431, code: 'headers-too-large' },
  { headers: Array.from({ length: 3_000 }, (_, index) => `X-${index}: y`), status: 431, code: 'headers-too-large' },
  { headers: [`${'X'.repeat(20_000)}: y`], status: 431, code: 'headers-too-large' },
  { headers: ['Bad Name: x'], status: 400, code: 'invalid-header' },
  { headers: ['no colon'], status: 400, code: 'invalid-header' },
  { headers: [': x'], status: 400, code: 'invalid-header' },
  { headers: ['X-Nul: a\0b'], status: 400, code: 'invalid-header' },
  { headers: ['Content-Length: -1'], status: 400, code: 'invalid-header' },
  { headers: ['Content-Length: x'], status: 400, code: 'invalid-header' },
  { headers: ['Content-Length: 1e3'], status: 400, code: 'invalid-header' },
  { headers: ['Content-Length: 99999999999999999999999'], status: 400, code: 'invalid-header' },
  { headers: ['Content-Length: 12', 'Content-Length: 13'], status: 400, code: 'invalid-header' },
  { headers: ['Content-Length: 12', 'Transfer-Encoding: chunked'], status: 400, code: 'invalid-header' },
  { headers: ['Transfer-Encoding: x', 'Content-Length: 12'], status: 400, code: 'invalid-header' },
  { headers: ['Content-Length: 999999999'], status: 413, code: 'payload-too-large' },
]

const ifMatches = ['1', '"1', "'1'", 'x', '"a b"', '"1" "2"', 'w/"1"', '* , "1"', '"1",,', '"\x01"'].map((value) => ({
  target: `${aTask}/cancel`,
  headers: [`If-Match: ${value}`],
  status: 400,
  code: 'invalid-header',
}))

const reasons = [
  '[]',
  '1',
  'null',
  '{"reason":""}',
  '{"reason":null}',
  '{"reason":1}',
  '{"why":"x"}',
  String.raw`{"reason":"\u0000"}`,
  String.raw`{"reason":"\ud800"}`,
  `{"reason":"${'r'.repeat(1_001)}"}`,
].flatMap((text) =>
  ['retry', 'cancel', 'run-now'].map((what) => ({
    target: `${aTask}/${what}`,
    body: text,
    status: 422,
    code: 'validation-failed',
  })),
)

const raw: readonly Hostile[] = [
  'GARBAGE\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'GET\r\n\r\n',
  'GET /api/info\r\n\r\n',
  'GET /api/info HTTP/9.9\r\n\r\n',
  'GET /api/info HTTP/1.1 x\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'FOO /api/info HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'get /api/info HTTP/1.1\r\nHost: localhost\r\n\r\n',
  ' GET /api/info HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /api/info HTTP/1.1\r\n\r\n',
  '{"type":"a"}\r\n\r\n',
  'GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n',
  'POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
].map((text) => ({
  name: `raw ${text.slice(0, 40)}`,
  bytes: Buffer.from(text, 'latin1'),
  status: 400,
  code: 'invalid-header',
}))

const toHostile = ({
  status,
  code,
  ...request
}: Parameters<typeof toBytes>[0] & { readonly status: number; readonly code: string }): Hostile => ({
  name: `${request.method ?? 'POST'} ${(request.target ?? '/api/tasks').slice(0, 60)} ${(request.headers ?? []).join(' ').slice(0, 60)} ${(request.body ?? '').slice(0, 40).toString()}`,
  bytes: toBytes(request),
  status,
  code,
})

/** Requests with a faulty request line, faulty headers or faulty framing. */
export const hostileRequests: readonly Hostile[] = [
  ...[...contentTypes, ...charsets, ...badHeaders].map((request) => toHostile({ body, ...request })),
  ...[...ifMatches, ...reasons, ...hostileAddresses].map(toHostile),
  ...raw,
]
