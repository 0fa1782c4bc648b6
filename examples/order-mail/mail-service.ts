import { createServer } from 'node:http'

/**
 * A mail service that knows idempotency keys: a mail goes out once for each. It hangs up on the first request with a key, the
 * mail being on its way: so breaks a network. Port: the first argument, else 4001.
 */
const keysMax = 1_000
const mails = new Map<string, string>()

const server = createServer((request, response) => {
  request.resume()
  const key = String(request.headers['idempotency-key'])
  const known = mails.get(key)
  if (known !== undefined) {
    console.log(`${known} went out before`)
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ id: known }))
  } else if (mails.size < keysMax) {
    const id = `mail-${mails.size + 1}`
    mails.set(key, id)
    console.log(`${id} goes out`)
    request.socket.destroy()
  } else {
    response.writeHead(503).end()
  }
})

server.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
server.listen(Number(process.argv[2] ?? 4001), '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  console.log(`sending mails at http://127.0.0.1:${port}`)
})

const stop = (): void => {
  server.close()
  server.closeAllConnections()
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)
