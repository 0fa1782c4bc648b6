import { once } from 'node:events'
import { createServer } from 'node:https'
import { Agent } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createAddressGuard } from '#adapters/handlers/built-in/address-guard.ts'
import { createGuardedAgent } from '#adapters/handlers/built-in/guarded-agent.ts'
import { exchange } from '#adapters/handlers/built-in/http-exchange.ts'
import { createHttpRequestTask } from '#adapters/handlers/built-in/http-request.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import { createHandlerContext } from './support/handler-context.ts'
import { startLocalServer } from './support/local-server.ts'

const push = (payload: object): Promise<unknown> => {
  const agent = createGuardedAgent(createAddressGuard(['127.0.0.1']))
  onTestFinished(() => agent.destroy())
  return createHttpRequestTask(() => Promise.resolve(agent)).run(payload, createHandlerContext())
}

/** A server that redirects `/n` to `/n-1` and answers at `/0`. */
const startStairs = (status: number) =>
  startLocalServer(({ path }, response) => {
    const step = Number(path.slice(1))
    if (step === 0) response.end('bottom')
    else response.writeHead(status, { Location: `/${step - 1}` }).end('x'.repeat(100_000))
  })

describe('a redirect', () => {
  test.each([307, 308])('by %i keeps method and body', async (status) => {
    await using server = await startStairs(status)

    expect(await push({ url: `${server.url}/2`, body: [1] })).toMatchObject({ status: 200, body: 'bottom' })
    expect(server.seen.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['POST', '/2', '[1]'],
      ['POST', '/1', '[1]'],
      ['POST', '/0', '[1]'],
    ])
  })

  test.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [301, 'PUT', 'PUT'],
    [302, 'DELETE', 'DELETE'],
    [303, 'HEAD', 'HEAD'],
  ])('by %i of a %s goes on as %s', async (status, method, next) => {
    await using server = await startStairs(status)

    await push({ url: `${server.url}/1`, method })

    expect(server.seen.map((seen) => seen.method)).toEqual([method, next])
  })

  test('that turns into a GET drops the body and what described it', async () => {
    await using server = await startStairs(303)

    await push({ url: `${server.url}/1`, body: [1], headers: { 'X-Kept': '1' } })

    expect(server.seen[1]).toMatchObject({ method: 'GET', body: '', headers: { 'x-kept': '1' } })
    expect(server.seen[1]?.headers).not.toHaveProperty('content-type')
  })

  test('is followed five times', async () => {
    await using server = await startStairs(307)

    expect(await push({ url: `${server.url}/5` })).toMatchObject({ status: 200 })
    expect(server.seen).toHaveLength(6)
  })

  test('is not followed a sixth time', async () => {
    await using server = await startStairs(307)

    await expect(push({ url: `${server.url}/6` })).rejects.toMatchObject({
      name: 'PermanentError',
      message: `127.0.0.1:${server.port} redirected more than 5 times`,
    })
    expect(server.seen).toHaveLength(6)
  })

  test('to another origin takes nothing along that could be a secret', async () => {
    await using other = await startLocalServer((_request, response) => response.end())
    await using server = await startLocalServer((_request, response) =>
      response.writeHead(303, { Location: `${other.url}/` }).end(),
    )

    await push({
      url: server.url,
      headers: { Authorization: 'a', Cookie: 'b', 'X-Api-Key': 'c', Accept: 'text/plain' },
      body: {},
    })

    expect(other.seen[0]?.headers).toMatchObject({ accept: 'text/plain' })
    for (const name of ['authorization', 'cookie', 'x-api-key', 'idempotency-key', 'taskfold-task-id']) {
      expect(other.seen[0]?.headers).not.toHaveProperty(name)
    }
  })

  test.each([
    [307, 'POST'],
    [308, 'PUT'],
    [301, 'DELETE'],
    [302, 'PATCH'],
  ])('by %i of a %s to another origin is refused, and its body stays here', async (status, method) => {
    await using other = await startLocalServer((_request, response) => response.end())
    await using server = await startLocalServer((_request, response) =>
      response.writeHead(status, { Location: `${other.url}/` }).end(),
    )

    await expect(push({ url: server.url, method, body: { secret: 1 } })).rejects.toMatchObject({
      name: 'PermanentError',
      message: `127.0.0.1:${server.port} redirected a ${method} to another origin, ${other.url}`,
    })
    expect(other.connections()).toBe(0)
  })

  test.each([
    ['http://127.0.0.2:$port/', /^127.0.0.2 may not be requested/],
    ['http://[::ffff:127.0.0.2]:$port/', /^::ffff:7f00:2 may not be requested/],
    ['http://169.254.169.254/latest/meta-data/', /^169.254.169.254 may not be requested/],
    ['file:///etc/passwd', /must be an http or https URL/],
    ['http://user:secret@127.0.0.1:$port/', /must not carry credentials/],
    ['http://127.0.0.1:6667/', /^port 6667 of 127.0.0.1 may not be requested/],
    ['http://', /redirected to what is no URL/],
  ])('is judged like the first request: %s', async (location, message) => {
    await using inside = await startLocalServer((_request, response) => response.end(), '127.0.0.2')
    await using server = await startLocalServer((_request, response) =>
      response.writeHead(302, { Location: location.replace('$port', String(inside.port)) }).end(),
    )

    await expect(push({ url: server.url })).rejects.toMatchObject({
      name: 'PermanentError',
      message: expect.stringMatching(message),
    })
    expect(inside.connections()).toBe(0)
  })

  test('from https to http is refused, whose answer anybody on the way could write', async () => {
    await using plain = await startLocalServer((_request, response) => response.end())
    const authority = await makeAuthority('an authority')
    const { certificate, key } = await makeCertificate(authority, 'localhost', ['127.0.0.1'])
    const secure = createServer({ cert: certificate, key }, (_request, response) =>
      response.writeHead(302, { Location: `${plain.url}/` }).end(),
    ).listen(0, '127.0.0.1')
    const agent = new Agent({ connect: { ca: authority.certificate } })
    onTestFinished(async () => {
      await agent.destroy()
      secure.close()
    })
    await once(secure, 'listening')
    const address = secure.address()
    const at = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`

    const exchanged = exchange(
      agent,
      { url: `https://${at}/`, method: 'GET', headers: {} },
      new AbortController().signal,
    )

    await expect(exchanged).rejects.toMatchObject({
      name: 'PermanentError',
      message: `${at} redirected from https to http`,
    })
    expect(plain.connections()).toBe(0)
  })

  test('without a place to go is an answer like another', async () => {
    await using server = await startLocalServer((_request, response) => response.writeHead(302).end())

    await expect(push({ url: server.url })).rejects.toMatchObject({ name: 'PermanentError' })
  })
})
