import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** A request as a local server saw it, its body read to the end. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface LocalServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly seen: readonly SeenRequest[]
  /** Connections that were ever opened, with or without a request. */
  readonly connections: () => number
}

/** An HTTP server on a free port of `host` that answers by `answer`; disposing of it ends its connections too. */
export const startLocalServer = async (
  answer: (request: SeenRequest, response: ServerResponse) => void,
  host = '127.0.0.1',
  port = 0,
): Promise<LocalServer> => {
  const seen: SeenRequest[] = []
  let connections = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const whole = { method, path, headers, body: Buffer.concat(chunks).toString() }
      seen.push(whole)
      answer(whole, response)
    })
  })
  server.on('connection', () => (connections += 1))
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    port: address.port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    seen,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
