import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { DatabaseUnreachableError } from '#application/diagnosis/startup-error.ts'

const listen = async (onConnection: (socket: Socket) => void): Promise<number> => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const openPool = async (onConnection: (socket: Socket) => void) => {
  const port = await listen(onConnection)
  const address = {
    host: '127.0.0.1',
    certificateHost: '127.0.0.1',
    port,
    database: 'there',
    user: 'somebody',
    password: 'hush',
    options: ' ',
    applicationName: undefined,
    connectTimeoutMs: undefined,
    tls: undefined,
  }
  return createPostgresPool(address, { connectionsMax: 1, queryDeadlineMs: 1_000 }).catch((error: unknown) => error)
}

describe('a pool that is opened while its database went away', () => {
  test.each([
    ['accepts and says nothing', () => {}, 'timeout expired'],
    ['ends each connection', (socket: Socket) => void socket.destroy(), 'Connection terminated unexpectedly'],
  ])('names the database in one line: one that %s', async (_what, onConnection, why) => {
    const error = await openPool(onConnection)
    expect(error).toBeInstanceOf(DatabaseUnreachableError)
    expect(error).toMatchObject({
      message: expect.stringMatching(new RegExp(`^the database at 127.0.0.1:\\d+ could not be reached: ${why}$`)),
    })
  })
})
