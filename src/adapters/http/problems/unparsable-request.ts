import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { answerHeaders } from './answer-headers.ts'
import { problemMediaType, renderProblem } from './problem-document.ts'
import { ProblemError, problems } from './problems.ts'

// An import of `node:http` reads each of its exports, and one of them is a WebSocket client that takes 40 ms to load.
const http = process.getBuiltinModule('node:http')

const headerLines = Object.entries(answerHeaders)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('')

/** The error that Node's parser gives. */
interface ClientError extends Error {
  readonly code?: string
  readonly rawPacket?: unknown
}

/** Answers a request that Node could not parse, and closes its connection: the bytes that follow belong to no request. */
export const answerUnparsableRequest = (error: ClientError, socket: Socket): void => {
  // The client has gone.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.destroyed) {
    socket.destroy()
    return
  }
  const pending = findPendingAnswer(socket)
  if (pending !== undefined) {
    // An answer now would be taken for that of the request before, which may have been carried out.
    pending.once('finish', () => socket.destroySoon())
    return
  }
  const problem = describeParserError(error)
  const { status } = problems[problem.code]
  const body = renderProblem(problem, undefined)
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n` +
      `content-type: ${problemMediaType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headerLines}` +
      `connection: close\r\n\r\n${body}`,
    () => socket.destroySoon(),
  )
}

/**
 * The answer that is still due to an earlier request on this connection, which had arrived in full. Node keeps it in
 * `_httpMessage`, as its documentation of `clientError` says.
 */
const findPendingAnswer = (socket: Socket): ServerResponse | undefined => {
  const message: unknown = '_httpMessage' in socket ? socket._httpMessage : undefined
  return message instanceof http.ServerResponse && message.req.complete ? message : undefined
}

const describeParserError = (error: ClientError): ProblemError => {
  switch (error.code ?? '') {
    case 'HPE_HEADER_OVERFLOW':
      return isInRequestLine(error.rawPacket)
        ? new ProblemError('uri-too-long', 'The address is too long.')
        : new ProblemError('headers-too-large', 'The headers are too large.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('request-timeout', 'The request did not arrive in time.')
    case 'HPE_INVALID_CONTENT_LENGTH':
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
    case 'HPE_INVALID_TRANSFER_ENCODING':
    case 'HPE_INVALID_CHUNK_SIZE':
      return new ProblemError('invalid-header', 'The framing of the body is malformed.')
    default:
      return new ProblemError('invalid-header', 'The request is not HTTP/1.1.')
  }
}

/** Whether the request line alone was too long. Node passes on only the bytes that arrived last. */
const isInRequestLine = (packet: unknown): boolean => {
  const start = Buffer.isBuffer(packet) ? packet.toString('latin1', 0, 16_384) : ''
  return /^[A-Z-]+ /.test(start) && !start.includes('\r\n')
}
