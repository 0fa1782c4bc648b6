import { createServer } from 'node:http'

/**
 * A gateway for text messages that sends what it is given, as often as it is given it. It refuses the first request, and hangs
 * up on the second after its message has gone; all others are answered. Port: the first argument, else 4003.
 */
const requestsMax = 1_000
let requests = 0
let messages = 0

const server = createServer((request, response) => {
  request.resume()
  requests += 1
  if (requests === 1 || requests > requestsMax) {
    console.log('busy: nothing is sent')
    response.writeHead(503).end()
    return
  }
  messages += 1
  console.log(`message-${messages} is sent`)
  if (requests === 2) request.socket.destroy()
  else response.writeHead(200, { 'Content-Type': 'application/json' }).end(`{"id":"message-${messages}"}`)
})

server.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
server.listen(Number(process.argv[2] ?? 4003), '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  console.log(`sending messages at http://127.0.0.1:${port}`)
})

const stop = (): void => {
  server.close()
  server.closeAllConnections()
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)
