import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SMTPServer } from 'smtp-server'
import { createAddressGuard } from '#adapters/handlers/built-in/address-guard.ts'
import { createGuardedAgent, type LookUp } from '#adapters/handlers/built-in/guarded-agent.ts'
import { createHttpRequestTask } from '#adapters/handlers/built-in/http-request.ts'
import { createHandlerContext } from './support/handler-context.ts'
import { type LocalServer, startLocalServer } from './support/local-server.ts'

/** `http.request` with exceptions and, if need be, a name service of the test's own. */
const createPush = (allow: readonly string[], lookUp?: LookUp) => {
  const agent = createGuardedAgent(createAddressGuard(allow), lookUp)
  onTestFinished(() => agent.destroy())
  const task = createHttpRequestTask(() => Promise.resolve(agent))
  return (payload: object): Promise<unknown> =>
    task.run(payload, createHandlerContext()).catch((error: unknown) => error)
}

/** A name service that gives these answers, one a question and the last for ever; and counts the questions. */
const answering = (...answers: readonly (readonly string[])[]) => {
  const asked: string[] = []
  const lookUp: LookUp = (host, _options, callback) => {
    const answer = answers[Math.min(asked.push(host), answers.length) - 1] ?? []
    const addresses = answer.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }))
    setImmediate(callback, null, addresses)
  }
  return { asked, lookUp }
}

const forbidden = (host: string) => ({
  name: 'PermanentError',
  message: `${host} may not be requested: it is, or resolves to, an address that is not public, and HTTP_TARGET_ALLOW does not list it`,
})

const startOk = (host?: string, port?: number): Promise<LocalServer> =>
  startLocalServer((_request, response) => response.end('reached'), host, port)

describe('a target that is not public', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['0x7f.0.0.1', '127.0.0.1'],
    ['0x7f000001', '127.0.0.1'],
    ['0177.0.0.1', '127.0.0.1'],
    ['017700000001', '127.0.0.1'],
    ['%31%32%37.0.0.1', '127.0.0.1'],
    ['１２７.0.0.1', '127.0.0.1'],
    ['127.0.0.1.', '127.0.0.1'],
    ['0', '0.0.0.0'],
    ['[::1]', '::1'],
    ['[::]', '::'],
    ['[::ffff:127.0.0.1]', '::ffff:7f00:1'],
    ['[0:0:0:0:0:ffff:7f00:1]', '::ffff:7f00:1'],
    ['[::127.0.0.1]', '::7f00:1'],
    ['localhost', 'localhost'],
    ['LOCALHOST', 'localhost'],
    ['localhost.', 'localhost.'],
    ['169.254.169.254', '169.254.169.254'],
    ['[fd00:ec2::254]', 'fd00:ec2::254'],
    ['[64:ff9b::7f00:1]', '64:ff9b::7f00:1'],
  ])('is refused for good, and never connected to: %s', async (host, shown) => {
    await using server = await startOk()
    const push = createPush([], answering(['127.0.0.1']).lookUp)

    expect(await push({ url: `http://${host}:${server.port}/` })).toMatchObject(forbidden(shown))
    expect(server.connections()).toBe(0)
  })

  test('is refused over https as well, and by the system’s own name service', async () => {
    await using server = await startOk()

    expect(await createPush([])({ url: `https://127.0.0.1:${server.port}/` })).toMatchObject(forbidden('127.0.0.1'))
    expect(await createPush([])({ url: `https://localhost:${server.port}/` })).toMatchObject(forbidden('localhost'))
    expect(server.connections()).toBe(0)
  })

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.0/8', '127.0.0.1'],
    ['127.0.0.0/8', '2130706433'],
    ['127.0.0.0/8', '[::ffff:127.0.0.1]'],
    ['localhost', 'localhost'],
    ['localhost', 'LocalHost.'],
  ])('is reached when %s is allowed: %s', async (allow, host) => {
    await using server = await startOk()
    const { lookUp } = answering(['127.0.0.1'])

    expect(await createPush([allow], lookUp)({ url: `http://${host}:${server.port}/` })).toMatchObject({ status: 200 })
  })

  test('is reached over https only with a certificate that can be trusted', async () => {
    // The server at hand that brings a certificate, which is its own and made for localhost.
    const server = new SMTPServer({ secure: true, closeTimeout: 100 })
    server.on('error', () => {})
    onTestFinished(() => new Promise((resolve) => server.close(resolve)))
    server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    const address = server.server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const push = createPush(['127.0.0.1'], answering(['127.0.0.1']).lookUp)

    for (const host of ['127.0.0.1', 'named.example']) {
      expect(await push({ url: `https://${host}:${port}/` })).toMatchObject({
        name: 'Error',
        message: expect.stringMatching(
          /failed: (DEPTH_ZERO_SELF_SIGNED_CERT|ERR_TLS_CERT_ALTNAME_INVALID|CERT_HAS_EXPIRED)$/,
        ),
      })
    }
  })

  test('is not told apart by what its name resolves to', async () => {
    const errors = ['10.1.2.3', 'fd00::1', '169.254.169.254'].map((address) =>
      createPush([], answering([address]).lookUp)({ url: 'http://inside.example/' }),
    )

    for (const error of await Promise.all(errors)) expect(error).toMatchObject(forbidden('inside.example'))
  })

  test('is refused when only one of its addresses is not public', async () => {
    const { lookUp } = answering(['93.184.216.34', '10.1.2.3'])

    expect(await createPush([], lookUp)({ url: 'http://mixed.example/' })).toMatchObject(forbidden('mixed.example'))
  })

  test.each([
    ['ftp://a.example/', /http or https/],
    ['file:///etc/passwd', /http or https/],
    ['data:text/plain,a', /http or https/],
    ['javascript:1', /http or https/],
    ['http://user:secret@127.0.0.1/', /^the target 127.0.0.1 must not carry credentials/],
    ['http://user@127.0.0.1/', /must not carry credentials/],
  ])('is refused for how it is written: %s', async (url, message) => {
    const error = await createPush(['127.0.0.1'])({ url })

    expect(error).toMatchObject({ name: 'PermanentError', message: expect.stringMatching(message) })
    expect(String(error)).not.toContain('secret')
  })
})

describe('a name that resolves anew', () => {
  test('is judged by the very answer that is connected to', async () => {
    await using allowed = await startOk('127.0.0.2')
    await using inside = await startOk('127.0.0.1', allowed.port)
    const { asked, lookUp } = answering(['127.0.0.2'], ['127.0.0.1'])
    const url = `http://rebind.example:${allowed.port}/`

    expect(await createPush(['127.0.0.2'], lookUp)({ url })).toMatchObject({ status: 200, body: 'reached' })
    expect(asked).toEqual(['rebind.example'])
    expect([allowed.connections(), inside.connections()]).toEqual([1, 0])
  })

  test('is judged again for each connection', async () => {
    await using allowed = await startLocalServer(
      (_request, response) => response.writeHead(200, { Connection: 'close' }).end(),
      '127.0.0.2',
    )
    await using inside = await startOk('127.0.0.1', allowed.port)
    const push = createPush(['127.0.0.2'], answering(['127.0.0.2'], ['127.0.0.1']).lookUp)
    const url = `http://rebind.example:${allowed.port}/`

    expect(await push({ url })).toMatchObject({ status: 200 })
    expect(await push({ url })).toMatchObject(forbidden('rebind.example'))
    expect(inside.connections()).toBe(0)
  })

  test('is tried again when it does not resolve', async () => {
    const { lookUp } = answering([])

    expect(await createPush([], lookUp)({ url: 'http://gone.example/' })).toMatchObject({
      name: 'Error',
      message: 'the request to gone.example failed: ENOTFOUND',
    })
  })
})
