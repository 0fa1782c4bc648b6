import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'
import { exchange } from '../support/raw-exchange.ts'

let world: HttpWorld
beforeEach(async () => {
  world = await createHttpWorld({})
})
afterEach(() => world.close())

const submission = JSON.stringify({ type: 'demo.echo', payload: 1 })

const ask = async (
  method: 'GET' | 'POST',
  url: string,
  headers: Readonly<Record<string, string>>,
  payload?: string,
) => {
  const type = payload === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await world.inject({ method, url, headers: { ...type, ...headers }, ...(payload && { payload }) })
  const { code }: { readonly code?: string } = answer.body.startsWith('{') ? answer.json() : {}
  return { status: answer.statusCode, code }
}

describe('a page whose name was bound to loopback anew', () => {
  const headers = { host: 'evil.example:3000', origin: 'http://evil.example:3000' }

  test.each([
    ['GET', '/api/tasks', undefined],
    ['GET', '/api/events', undefined],
    ['GET', '/api/info', undefined],
    ['GET', '/nothing', undefined],
    ['POST', '/api/tasks', submission],
    ['POST', '/api/tasks/01a20ff3-4846-7773-b405-97ca2f041226/retry', undefined],
  ] as const)('is refused: %s %s', async (method, url, payload) => {
    expect(await ask(method, url, headers, payload)).toEqual({ status: 403, code: 'forbidden-host' })
  })

  test('has stored nothing', async () => {
    await ask('POST', '/api/tasks', headers, submission)
    expect((await world.inject('/api/tasks')).json()).toEqual({ items: [], nextCursor: null })
  })

  test.each(['/livez', '/readyz'])('may ask %s, as whoever probes may by any name', async (url) => {
    expect((await ask('GET', url, headers)).status).toBe(200)
  })
})

describe('a page of another origin', () => {
  test.each(['http://evil.example', 'http://localhost:8080', 'null', 'file://'])(
    'may not change anything, a request without a body included: %s',
    async (origin) => {
      const headers = { host: 'localhost:3000', origin }
      const refused = { status: 403, code: 'forbidden-origin' }
      expect(await ask('POST', '/api/tasks', headers, submission)).toEqual(refused)
      expect(await ask('POST', '/api/tasks/01a20ff3-4846-7773-b405-97ca2f041226/cancel', headers)).toEqual(refused)
    },
  )

  test('may send a request that only reads, whose answer its browser keeps from it', async () => {
    const headers = { host: 'localhost:3000', origin: 'http://evil.example' }
    expect((await ask('GET', '/api/tasks', headers)).status).toBe(200)
  })
})

test('a page of ours may change things', async () => {
  const headers = { host: 'localhost:3000', origin: 'http://localhost:3000' }
  expect((await ask('POST', '/api/tasks', headers, submission)).status).toBe(202)
})

test('a client that is no browser names no origin and may go by any name of ours', async () => {
  for (const host of ['localhost:3000', '127.0.0.1:3000', '[::1]:3000']) {
    expect((await ask('POST', '/api/tasks', { host }, submission)).status).toBe(202)
  }
})

test('two Host headers are refused: whatever stands before us may have gone by the other', async () => {
  const { url } = await world.server.listen('127.0.0.1', 0)
  const lines = ['GET /api/tasks HTTP/1.1', 'Host: localhost', 'host: evil.example', '', '']
  const answer = await exchange(Number(new URL(url).port), Buffer.from(lines.join('\r\n')))
  expect(answer.status).toBe(400)
  expect(answer.body).toContain('invalid-header')
})
