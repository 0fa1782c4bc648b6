import { once } from 'node:events'
import { hostname, networkInterfaces } from 'node:os'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface SeenMail {
  readonly from: string
  readonly to: readonly string[]
  readonly text: string
}

export interface MailServer extends AsyncDisposable {
  readonly url: string
  readonly seen: readonly SeenMail[]
  readonly open: () => number
  /** How often somebody tried to sign in. */
  readonly signedIn: () => number
}

/** An SMTP server on a free port that keeps what it is given; `options` may refuse. On `0.0.0.0` it is not on loopback alone. */
export const startMailServer = async (
  options: SMTPServerOptions = {},
  host: '127.0.0.1' | '0.0.0.0' = '127.0.0.1',
): Promise<MailServer> => {
  const seen: SeenMail[] = []
  let signIns = 0
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 100,
    onData: (stream, { envelope }, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        seen.push({ from, to: envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString() })
        done()
      })
    },
    ...options,
    onAuth: (auth, session, done) => {
      signIns += 1
      if (options.onAuth === undefined) done(null, { user: 'somebody' })
      else options.onAuth.call(server, auth, session, done)
    },
  })
  // A client that aborts resets its connection.
  server.on('error', () => {})
  server.listen(0, host)
  await once(server.server, 'listening')
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `smtp://${host === '0.0.0.0' ? ownAddress() : host}:${address.port}`,
    seen,
    open: () => server.connections.size,
    signedIn: () => signIns,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** An address of this machine that is not on loopback, or its name where it has none. */
const ownAddress = (): string => {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? hostname()
}
