import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** The world outside: it hears of every run of a handler and of every effect, and counts. */
export interface EffectReceiver {
  readonly url: string
  readonly runs: readonly HeardRun[]
  readonly deliveries: readonly Delivery[]
  close(): Promise<void>
}

export interface HeardRun {
  readonly token: string
  readonly atMs: number
}

export interface Delivery extends HeardRun {
  readonly key: string
  /** In which the ledger was asked to keep it. */
  readonly mode: string
}

export const startEffectReceiver = async (): Promise<EffectReceiver> => {
  const runs: HeardRun[] = []
  const deliveries: Delivery[] = []

  const hear = async (request: IncomingMessage): Promise<number> => {
    if (request.method === 'GET') {
      return deliveries.some(({ key }) => request.url === `/deliveries/${key}`) ? 204 : 404
    }
    const said: unknown = JSON.parse(await text(request))
    const run = { token: read(said, 'token'), atMs: performance.now() }
    if (request.url === '/runs') runs.push(run)
    else deliveries.push({ ...run, key: read(said, 'key'), mode: read(said, 'mode') })
    return 204
  }

  const server = createServer((request, response) => {
    // A caller that goes away while it speaks was not heard.
    void hear(request)
      .catch(() => 400)
      .then((status) => response.writeHead(status).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    runs,
    deliveries,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const read = (said: unknown, member: string): string => String(Reflect.get(Object(said), member))
