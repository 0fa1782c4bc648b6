import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttpServer, type HttpServer } from '#adapters/http/server.ts'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { createHttpWorld } from './support/http-world.ts'
import { exchange } from './support/raw-exchange.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close()
})

const createBareServer = async (): Promise<HttpServer> => {
  const info = { name: 'taskfold', version: '0.1.0', roles: ['worker'], store: 'memory', queue: 'memory' }
  const server = await createHttpServer({
    operations: undefined,
    process: {
      info: () => ({ ...info, startedAt: 0, uptimeMs: 1 }),
      readHealth: () => [{ name: 'beat', ok: true, message: 'beats' }],
    },
    logger: silentLogger,
    now: () => 0,
    access: { listensOn: '127.0.0.1', allowed: [] },
  })
  open.push(server)
  return server
}

/** A server over a store whose loads wait for `release`; `begun` resolves when the first one waits. */
const createSlowServer = async () => {
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const wrapStore = (store: EventStore): EventStore => ({
    ...store,
    loadStream: async (taskId) => {
      begun.resolve()
      await released.promise
      return store.loadStream(taskId)
    },
  })
  const world = await createHttpWorld({ wrapStore })
  open.push(world)
  const { url } = await world.server.listen('127.0.0.1', 0)
  return { world, url, begun: begun.promise, release: released.resolve }
}

const aTask = '/api/tasks/019b76da-a800-7c3e-8f6e-2f1d9c0b5a41'

const connectTo = async (url: string): Promise<Socket> => {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
  await once(socket, 'connect')
  return socket
}

describe('a server without operations', () => {
  test('serves probes and /api/info, and nothing else', async () => {
    const server = await createBareServer()
    const statuses = ['/livez', '/readyz', '/api/info', '/api/tasks', '/api/docs', '/api/openapi.json'].map(
      async (url) => (await server.inject(url)).statusCode,
    )
    expect(await Promise.all(statuses)).toStrictEqual([200, 200, 200, 404, 404, 404])
  })
})

describe('listening', () => {
  test.each(['127.0.0.1', '::1', 'localhost'])('on %s names an address that answers', async (host) => {
    const { url } = await (await createBareServer()).listen(host, 0)
    expect(await (await fetch(`${url}/livez`)).json()).toStrictEqual({ status: 'live' })
  })

  test('on a port in use fails with one line that says what to set', async () => {
    const { url } = await (await createBareServer()).listen('127.0.0.1', 0)
    const port = Number(new URL(url).port)
    const refused = (await createBareServer()).listen('127.0.0.1', port)
    await expect(refused).rejects.toThrow(StartupError)
    await expect(refused).rejects.toThrow(
      `port ${port} of 127.0.0.1 is in use: set PORT to another one, or to 0 for any`,
    )
  })

  test.each(['192.0.2.1', 'no-such-host.invalid'])(
    'on %s, no address of this machine, fails with one line',
    async (host) => {
      const refused = (await createBareServer()).listen(host, 0)
      await expect(refused).rejects.toThrow(StartupError)
      await expect(refused).rejects.toThrow(/^[^\n]*set HOST to [^\n]*$/)
    },
  )
})

describe('closing', () => {
  test('lets a request in flight be answered, and takes no new connection meanwhile', async () => {
    const { world, url, begun, release } = await createSlowServer()
    const answer = fetch(`${url}${aTask}`)
    await begun
    const closed = world.server.close()
    await expect(fetch(`${url}/livez`)).rejects.toThrow()
    release()
    expect((await answer).status).toBe(404)
    await closed
  })

  test('ends connections that lie idle', async () => {
    const server = await createBareServer()
    const socket = await connectTo((await server.listen('127.0.0.1', 0)).url)
    socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'data')
    const ended = once(socket, 'close')
    await server.close()
    await ended
  })

  test('twice is the same as once', async () => {
    const server = await createBareServer()
    await server.listen('127.0.0.1', 0)
    await Promise.all([server.close(), server.close()])
  })
})

test('a request that never ends is answered with a problem when its time is over', async () => {
  const server = await createBareServer()
  const port = Number(new URL((await server.listen('127.0.0.1', 0)).url).port)
  const unfinished = ['POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', 'POST /api/ta']
  for (const answer of await Promise.all(unfinished.map((text) => exchange(port, Buffer.from(text))))) {
    expect([answer.status, JSON.parse(answer.body).code]).toStrictEqual([408, 'request-timeout'])
    expect(answer.headers.get('connection')).toBe('close')
  }
})

describe('one connection', () => {
  test('gets the answer of a request in flight, not that of the garbage after it', async () => {
    const { url, begun, release } = await createSlowServer()
    const socket = await connectTo(url)
    let received = ''
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
    const closed = once(socket, 'close')
    socket.write(`GET ${aTask} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await begun
    socket.write('GARBAGE\r\n\r\n')
    // Once another request has been answered, the server has read the garbage.
    await exchange(Number(new URL(url).port), Buffer.from('GARBAGE\r\n\r\n'))
    release()
    await closed
    expect([...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toStrictEqual(['404'])
  })

  test('stays open after a refusal that was read to its end', async () => {
    const world = await createHttpWorld()
    open.push(world)
    const { url } = await world.server.listen('127.0.0.1', 0)
    const socket = await connectTo(url)
    const head = 'POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
    const bodies = ['{', '{"type":"a","type":"b"}', '{}', '{"type":"a"}']
    let received = ''
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
    socket.write(bodies.map((body) => `${head}Content-Length: ${body.length}\r\n\r\n${body}`).join(''))
    const statuses = () => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
    await expect.poll(statuses).toStrictEqual(['400', '400', '422', '202'])
    socket.destroy()
  })
})
