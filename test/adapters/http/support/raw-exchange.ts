import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

const answerMsMax = 20_000

/** Sends bytes as they are and reads the first answer to its end. Rejects when none comes. */
export const exchange = (port: number, bytes: Buffer): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (outcome: () => void): void => {
      clearTimeout(timer)
      socket.destroy()
      outcome()
    }
    const timer = setTimeout(() => end(() => reject(new Error('no answer in time'))), answerMsMax)
    const settle = (): void => {
      const answer = parseAnswer(Buffer.concat(chunks))
      if (answer !== undefined) end(() => resolve(answer))
    }
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      settle()
    })
    socket.on('error', (error) => end(() => reject(error)))
    socket.on('close', () => end(() => reject(new Error(`closed after: ${Buffer.concat(chunks).toString('latin1')}`))))
    socket.write(bytes)
  })

/** The first complete answer in `bytes`. */
const parseAnswer = (bytes: Buffer): RawAnswer | undefined => {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const start = headEnd + 4
  const end = start + Number(headers.get('content-length') ?? 0)
  if (bytes.length < end) return undefined
  return { status: Number(statusLine.split(' ')[1]), headers, body: bytes.toString('utf8', start, end) }
}

interface RawRequest {
  readonly method?: string
  readonly target?: string
  /** Each a line without its end; they replace the usual ones. */
  readonly headers?: readonly string[]
  readonly body?: string | Buffer
}

/**
 * A request as bytes, by default a submission with a JSON body. Headers are sent with a byte for each character up to U+00FF,
 * the body as UTF-8.
 */
export const toBytes = ({ method = 'POST', target = '/api/tasks', headers = [], body = '' }: RawRequest): Buffer => {
  const content = Buffer.from(body)
  const usual = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${content.length}`]
  const replaced = new Set(headers.map((line) => line.split(':')[0]?.toLowerCase()))
  const lines = [...usual.filter((line) => !replaced.has(line.split(':')[0]?.toLowerCase())), ...headers]
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    content,
  ])
}
