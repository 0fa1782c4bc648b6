import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

const commandPattern = /\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n/g

/** A server that answers INFO as a Redis of that version does, and knows no other command. */
export const startOldServer = async (version: string) => {
  const sockets = new Set<Socket>()
  const info = `redis_version:${version}\r\ncluster_enabled:0\r\nloading:0\r\n`
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      for (const [, name = ''] of data.toString().matchAll(commandPattern)) {
        const known = name.toLowerCase() === 'info'
        socket.write(known ? `$${info.length}\r\n${info}\r\n` : `-ERR unknown command '${name}'\r\n`)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `redis://127.0.0.1:${address.port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
