import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

/** A mail server that takes every mail, shows it and delivers none. Port: the first argument, else 2525. */
const server = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  onData: (stream, { envelope }, done) => {
    console.log(`mail for ${envelope.rcptTo.map(({ address }) => address).join(', ')}`)
    stream.on('end', done)
    stream.on('data', (chunk: Buffer) => process.stdout.write(chunk))
  },
})

server.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
server.listen(Number(process.argv[2] ?? 2525), '127.0.0.1', () => {
  console.log(`taking every mail at smtp://127.0.0.1:${portOf(server.server.address())}`)
})

const stop = (): void => server.close(() => {})
process.on('SIGINT', stop)
process.on('SIGTERM', stop)

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}
