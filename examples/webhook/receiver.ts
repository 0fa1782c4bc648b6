import { createServer } from 'node:http'

/** A receiver of webhooks that refuses each delivery twice and takes it the third time. Port: the first argument, else 4000. */
const refusalsMax = 2
const deliveriesMax = 1_000
const refusals = new Map<string, number>()

const server = createServer((request, response) => {
  // The same for each attempt of one task, so a receiver can tell a repeat from a new delivery.
  const key = String(request.headers['idempotency-key'])
  const refused = refusals.get(key) ?? 0
  const attempt = String(request.headers['taskfold-attempt'])
  request.resume()
  if (refused < refusalsMax && refusals.size < deliveriesMax) {
    refusals.set(key, refused + 1)
    console.log(`attempt ${attempt}: refused`)
    response.writeHead(503, { 'Retry-After': '1' }).end('not yet')
  } else {
    refusals.delete(key)
    console.log(`attempt ${attempt}: accepted`)
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('thank you')
  }
})

server.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
server.listen(Number(process.argv[2] ?? 4000), '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  console.log(`taking webhooks at http://127.0.0.1:${port}`)
})

const stop = (): void => {
  server.close()
  server.closeAllConnections()
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)
