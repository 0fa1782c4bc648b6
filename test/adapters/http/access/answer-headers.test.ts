import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'
import { exchange } from '../support/raw-exchange.ts'

let world: HttpWorld
let port = 0
beforeAll(async () => {
  world = await createHttpWorld()
  port = Number(new URL((await world.server.listen('127.0.0.1', 0)).url).port)
})
afterAll(() => world.close())

const get = (path: string, headers = ''): Buffer =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)

const answers: readonly (readonly [string, Buffer])[] = [
  ['a list', get('/api/tasks')],
  ['a page of the feed', get('/api/events')],
  ['a probe', get('/livez')],
  ['a stream', get('/api/events', 'Accept: text/event-stream\r\n')],
  ['a refusal', get('/api/tasks?limit=0')],
  ['a foreign Host', Buffer.from('GET /api/tasks HTTP/1.1\r\nHost: evil.example\r\n\r\n')],
  ['an unknown address', get('/nowhere')],
  ['a path that is not percent-encoded', get('/api/tasks/%zz')],
  ['what is no HTTP', Buffer.from('hello\r\n\r\n')],
  ['a page', get('/api/docs')],
]

describe('the headers for browsers', () => {
  test.each(answers)('are on the answer to %s', async (_, request) => {
    const { headers } = await exchange(port, request)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('let no page embed the reference', async () => {
    const { headers } = await world.inject('/api/docs')
    expect(headers['content-security-policy']).toMatch(/frame-ancestors 'none'/)
  })
})
