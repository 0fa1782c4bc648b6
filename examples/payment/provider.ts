import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'

/**
 * A payment provider that charges for every POST to /charges/{reference}, whatever it had before; a GET tells the charge with
 * this reference. Whoever charges first with a reference hears nothing of it: the connection is cut, or with the second
 * argument `hold` kept silent for ever. Port: the first argument, else 4002.
 */
const chargesMax = 1_000
const bodyBytesMax = 4_096
const order = z.object({ order: z.string(), cents: z.int() })
const charges: { readonly reference: string; readonly id: string; readonly cents: number }[] = []
const holds = process.argv[3] === 'hold'

const server = createServer((request, response) => {
  const reference = String(request.url).replace(/^\/charges\//, '')
  const known = charges.find((charge) => charge.reference === reference)
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  }
  if (request.method === 'GET') {
    console.log(known === undefined ? 'asked: nothing was charged' : `asked: ${known.id} was charged`)
    return answer(known === undefined ? 404 : 200, known ?? {})
  }
  if (charges.length >= chargesMax || !(Number(request.headers['content-length']) <= bodyBytesMax)) {
    request.resume()
    return answer(503, {})
  }
  void read(request).then((paid) => {
    if (paid === undefined) return answer(400, {})
    const charge = { reference, id: `charge-${charges.length + 1}`, cents: paid.cents }
    charges.push(charge)
    console.log(`${charge.id}: ${paid.cents} cents for order ${paid.order}`)
    if (known !== undefined) answer(200, charge)
    else if (!holds) request.socket.destroy()
  })
})

const read = async (request: IncomingMessage): Promise<z.output<typeof order> | undefined> => {
  try {
    return order.parse(JSON.parse(await text(request)))
  } catch {
    return undefined
  }
}

server.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
server.listen(Number(process.argv[2] ?? 4002), '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  console.log(`taking payments at http://127.0.0.1:${port}`)
})

const stop = (): void => {
  server.close()
  server.closeAllConnections()
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)
