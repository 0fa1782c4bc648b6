import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createBuiltInHandlers } from '#adapters/handlers/built-in/built-in-handlers.ts'
import { AbortReason, type HandlerContext } from '#application/ports/task-handler.ts'
import { createHandlerContext } from './support/handler-context.ts'
import { startLocalServer } from './support/local-server.ts'

/** Runs one `http.request` with handlers of its own. */
const push = async (payload: object, given: Partial<HandlerContext> = {}): Promise<unknown> => {
  const builtIn = createBuiltInHandlers({
    smtpUrl: undefined,
    httpTargetAllow: ['127.0.0.1'],
    emailSenders: undefined,
    builtIn: ['http.request'],
  })
  try {
    const handler = builtIn.handlers.find(({ type }) => type === 'http.request')
    return await handler?.run(payload, createHandlerContext(given))
  } finally {
    await builtIn.close()
  }
}

describe('a request', () => {
  test('carries what the payload says and what tells repeats apart', async () => {
    await using server = await startLocalServer((_request, response) => response.writeHead(204).end())
    const context = createHandlerContext({ attempt: 3 })

    await push({ url: `${server.url}/a?b=c`, headers: { 'X-Api-Key': 'k' }, body: { n: [1, '😀'] } }, context)

    const [seen] = server.seen
    expect(seen).toMatchObject({ method: 'POST', path: '/a?b=c', body: '{"n":[1,"😀"]}' })
    expect(seen?.headers).toMatchObject({
      'x-api-key': 'k',
      'content-type': 'application/json',
      'idempotency-key': context.taskId,
      'taskfold-task-id': context.taskId,
      'taskfold-attempt': '3',
    })
  })

  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])('may be a %s without a body', async (method) => {
    await using server = await startLocalServer((_request, response) => response.end())

    expect(await push({ url: server.url, method })).toMatchObject({ status: 200, body: '' })
    expect(server.seen).toMatchObject([{ method, body: '' }])
    expect(server.seen[0]?.headers).not.toHaveProperty('content-type')
  })

  test('sends a string as it is, with the type and the key that the payload names', async () => {
    await using server = await startLocalServer((_request, response) => response.end())

    await push({ url: server.url, headers: { 'Content-Type': 'text/csv', 'Idempotency-Key': 'mine' }, body: 'a;b\n' })

    expect(server.seen).toMatchObject([
      { body: 'a;b\n', headers: { 'content-type': 'text/csv', 'idempotency-key': 'mine' } },
    ])
  })

  test.each([
    [{}, '/url'],
    [{ url: 'no url' }, '/url'],
    [{ url: '/relative' }, '/url'],
    [{ url: 'http://a', method: 'TRACE' }, '/method'],
    [{ url: 'http://a', method: 'GET', body: {} }, '/body'],
    [{ url: 'http://a', headers: { Host: 'b' } }, '/headers/Host'],
    [{ url: 'http://a', headers: { 'transfer-encoding': 'chunked' } }, '/headers/transfer-encoding'],
    [{ url: 'http://a', headers: { 'Taskfold-Attempt': '9' } }, '/headers/Taskfold-Attempt'],
    [{ url: 'http://a', headers: { 'a b': '1' } }, '/headers/a b'],
    [{ url: 'http://a', headers: { a: '1\r\nb: 2' } }, '/headers/a'],
    [{ url: 'http://a', headers: { a: '\u0100' } }, '/headers/a'],
    [{ url: 'http://a', timeout: 1 }, 'timeout'],
  ])('is refused when it cannot be sent: %j', async (payload, pointer) => {
    await expect(push(payload)).rejects.toMatchObject({
      name: 'PayloadInvalidError',
      message: expect.stringContaining(pointer),
    })
  })
})

describe('an answer of 2xx', () => {
  test('is the result, with the headers that are no secrets', async () => {
    await using server = await startLocalServer((_request, response) =>
      response.writeHead(201, { 'Content-Type': 'text/plain', ETag: '"1"', 'Set-Cookie': 'secret=1' }).end('made'),
    )

    expect(await push({ url: server.url })).toEqual({
      status: 201,
      headers: { 'content-type': 'text/plain', etag: '"1"' },
      body: 'made',
      truncated: false,
    })
  })

  test('is kept in part when it is long, never with half a character', async () => {
    await using server = await startLocalServer((_request, response) => response.end(`a${'é'.repeat(1_000_000)}`))

    expect(await push({ url: server.url })).toMatchObject({ body: `a${'é'.repeat(32_767)}`, truncated: true })
  })

  test('is kept whole when it just fits', async () => {
    await using server = await startLocalServer((_request, response) => response.end('a'.repeat(65_536)))

    expect(await push({ url: server.url })).toMatchObject({ body: 'a'.repeat(65_536), truncated: false })
  })

  test('never holds what JSON text in the store cannot', async () => {
    await using server = await startLocalServer(({ path }, response) =>
      response.end(path === '/zero' ? 'a\0b' : Buffer.from([0xff, 0xfe, 0x00])),
    )

    expect(await push({ url: `${server.url}/zero` })).toMatchObject({ body: 'a\ufffdb' })
    expect(await push({ url: `${server.url}/binary` })).toMatchObject({ status: 200, body: null })
  })
})

describe('an answer of', () => {
  const answered = async (status: number, headers: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    await using server = await startLocalServer((_request, response) => response.writeHead(status, headers).end('why'))
    return await push({ url: server.url }).catch((error: unknown) => error)
  }

  test.each([400, 401, 403, 404, 409, 410, 422, 451, 304, 300])('%i is permanent', async (status) => {
    expect(await answered(status)).toMatchObject({
      name: 'PermanentError',
      message: expect.stringMatching(new RegExp(`^127.0.0.1:\\d+ answered ${status}`)),
    })
  })

  test.each([429, 500, 502, 503, 504])('%i is tried again by the task’s own back-off', async (status) => {
    expect(await answered(status)).toMatchObject({
      name: 'UnwelcomeAnswerError',
      message: expect.stringMatching(/ answered \d+: why$/),
    })
  })

  test.each([429, 503])('%i is tried again when Retry-After says', async (status) => {
    expect(await answered(status, { 'Retry-After': '7' })).toMatchObject({
      name: 'RetryAfterError',
      retryAfterMs: 7_000,
    })
    const dates = { Date: 'Sat, 31 Jan 2026 12:00:00 GMT', 'Retry-After': 'Sat, 31 Jan 2026 12:01:00 GMT' }
    expect(await answered(status, dates)).toMatchObject({ name: 'RetryAfterError', retryAfterMs: 60_000 })
  })

  test('500 or 404 takes no notice of Retry-After', async () => {
    expect(await answered(500, { 'Retry-After': '7' })).toMatchObject({ name: 'UnwelcomeAnswerError' })
    expect(await answered(404, { 'Retry-After': '7' })).toMatchObject({ name: 'PermanentError' })
  })
})

describe('a network that fails', () => {
  test('is tried again: nobody listens', async () => {
    const server = await startLocalServer(() => {})
    await server[Symbol.asyncDispose]()

    await expect(push({ url: `${server.url}/secret?token=1` })).rejects.toMatchObject({
      name: 'Error',
      message: `the request to 127.0.0.1:${server.port} failed: ECONNREFUSED`,
    })
  })

  test.each(['', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'no http\r\n\r\n'])(
    'is tried again: the connection ends after %j',
    async (answer) => {
      const server = createServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => socket.end(answer))
      }).listen(0, '127.0.0.1')
      onTestFinished(() => void server.close())
      await once(server, 'listening')
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : 0

      await expect(push({ url: `http://127.0.0.1:${port}` })).rejects.toMatchObject({
        name: 'Error',
        message: expect.stringMatching(/^the request to 127.0.0.1:\d+ failed: /),
      })
    },
  )
})

describe('a run that is aborted', () => {
  test.each(['before the answer', 'within the answer'])('ends the request %s', async (when) => {
    const controller = new AbortController()
    const reason = new AbortReason('timeout')
    const arrived = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    await using server = await startLocalServer((_request, response) => {
      response.on('close', () => ended.resolve())
      if (when === 'within the answer') response.write('begun', () => arrived.resolve())
      else arrived.resolve()
    })
    const running = push({ url: server.url }, { signal: controller.signal })
    await arrived.promise

    controller.abort(reason)

    await expect(running).rejects.toBe(reason)
    await ended.promise
  })

  test('sends nothing when it was aborted already', async () => {
    await using server = await startLocalServer((_request, response) => response.end())
    const reason = new AbortReason('shutdown')

    await expect(push({ url: server.url }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(server.connections()).toBe(0)
  })
})
