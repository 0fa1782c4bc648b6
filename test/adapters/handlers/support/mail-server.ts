import { once } from 'node:events'
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
}

/** An SMTP server on a free port that keeps what it is given; `options` may refuse. */
export const startMailServer = async (options: SMTPServerOptions = {}): Promise<MailServer> => {
  const seen: SeenMail[] = []
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
  })
  // A client that aborts resets its connection.
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    seen,
    open: () => server.connections.size,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(resolve)),
  }
}
