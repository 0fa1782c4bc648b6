import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** One request as it came over the wire. */
export interface WireRequest {
  readonly line: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How to treat one request: bytes go to the socket as they are; the connection stays open unless it is ended. */
export type Step = (socket: Socket, request: WireRequest) => void

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string
  readonly seen: readonly WireRequest[]
}

/** A TCP server that treats its first request by the first step, and so on; the last step is for all that follow. */
export const startScriptedServer = async (steps: readonly Step[]): Promise<ScriptedServer> => {
  const seen: WireRequest[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let text = ''
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      const request = parseRequest(text)
      if (request === undefined) return
      text = ''
      const step = steps[Math.min(seen.length, steps.length - 1)]
      seen.push(request)
      step?.(socket, request)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** The request, once all of it has arrived. */
const parseRequest = (text: string): WireRequest | undefined => {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const [line = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((header) => [header.slice(0, header.indexOf(':')).toLowerCase(), header.replace(/^[^:]*: */, '')]),
  )
  const isWhole = text.includes('\r\n\r\n') && body.length >= Number(headers['content-length'] ?? 0)
  return isWhole ? { line, headers, body } : undefined
}

/** A complete answer with this body and these headers. */
export const answer =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Step =>
  (socket) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const all = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)), ...headers }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`HTTP/1.1 ${status} Any\r\n${lines.join('')}\r\n${text}`)
  }

/** Resets the connection without an answer. */
export const reset: Step = (socket) => void socket.resetAndDestroy()

/** Begins a good answer and closes in the midst of its body. */
export const halfAnswer: Step = (socket) => {
  socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"id":')
}

/** Never answers. */
export const silence: Step = () => {}

/** Begins an event stream, sends this text, and then treats the connection as told. */
export const stream =
  (text: string, then: 'end' | 'reset' | 'stay'): Step =>
  (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n')
    socket.write(text, () => {
      if (then === 'end') socket.end()
      if (then === 'reset') socket.resetAndDestroy()
    })
  }

/** A problem document. */
export const problem = (status: number, code: string, more: object = {}, headers = {}): Step =>
  answer(
    status,
    { type: `urn:taskfold:problem:${code}`, title: 'Any', status, detail: `said ${code}`, code, errors: [], ...more },
    { 'content-type': 'application/problem+json', ...headers },
  )
