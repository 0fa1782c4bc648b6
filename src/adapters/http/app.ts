import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Admission, Holding } from './request/admission.ts'
import { answerUnparsableRequest } from './problems/unparsable-request.ts'
import type { JsonBody } from './request/json-body.ts'
import { answerHeaders } from './problems/answer-headers.ts'
import { problemMediaType, renderProblem } from './problems/problem-document.ts'
import { ProblemError, problems } from './problems/problems.ts'
import { type ParsedQuery, parseQueryString } from './request/query-string.ts'
import { findAcceptable, findTraceId } from './request/request-headers.ts'
import { takeBodies } from './request/take-bodies.ts'
import type { Endpoint, HttpAnswer } from './endpoint.ts'
import { toProblem } from './problems/to-problem.ts'
import { limits } from './request/limits.ts'
import { assertOwnPages, type HostJudge } from './access/hosts.ts'

interface Deps {
  readonly endpoints: readonly Endpoint[]
  readonly logger: Logger
  readonly admission: Admission
  /** Aborts when the server begins to close; answers that wait are then given at once. */
  readonly closing: AbortSignal
  /** Called with the path of the endpoint that answers the current request, parameters as `:id`. */
  readonly nameRoute?: ((path: string) => void) | undefined
  readonly hosts: HostJudge
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The media types of its answers; undefined for pages, for which `Accept` is ignored. */
    readonly mediaTypes?: readonly [string, ...string[]]
    readonly admission?: 'vital'
    readonly itemsIn?: string
  }

  interface FastifyRequest {
    /** What the request holds; undefined for those that are answered under any load. */
    holding: Holding | undefined
    /** Makes room for the next large body; undefined for a small one. */
    endWork: (() => void) | undefined
  }
}

/** Fastify with these endpoints. Each refusal and error becomes a problem document: Fastify gives no answers of its own. */
export const createApp = ({ endpoints, logger, admission, closing, nameRoute, hosts }: Deps): FastifyInstance => {
  const app = fastify({
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.silentConnectionMs,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: answerUnparsableRequest,
    frameworkErrors: (error, request, reply) => {
      void sendProblem(logger, error, request, reply)
    },
    schemaController: { compilersFactory: { buildValidator: refuseSchemas, buildSerializer: refuseSchemas } },
    routerOptions: { querystringParser: toQuery, maxParamLength: limits.uriCharactersMax },
    http: {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.connectionsCheckMs,
      // Node would answer with an empty 400; `judgeRequest` says why instead.
      requireHostHeader: false,
    },
  })
  app.server.on('connection', (socket) => admitConnection(admission, socket))
  // An unknown expectation may be ignored (RFC 9110, section 10.1.1); Node would answer with an empty 417.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.decorateRequest('holding', undefined)
  app.decorateRequest('endWork', undefined)
  takeBodies(app)
  app.setErrorHandler((error, request, reply) => sendProblem(logger, error, request, reply))
  app.setNotFoundHandler(() => {
    throw new ProblemError('route-not-found', 'See /api/docs for what there is.')
  })
  if (nameRoute !== undefined) {
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.routeOptions.url !== undefined) nameRoute(request.routeOptions.url)
      done()
    })
  }
  const judgeAddress = createAddressJudge(endpoints)
  app.addHook('onRequest', (request, reply, done) => {
    judgeRequest(request)
    const { mediaTypes, admission: importance } = request.routeOptions.config
    // A probe that is refused for the name it went by would have the process ended.
    if (!probePaths.has(request.routeOptions.url ?? '')) assertOwnPages(hosts, request)
    if (request.is404) judgeAddress(request)
    if (mediaTypes !== undefined && findAcceptable(request.headers.accept, mediaTypes) === undefined) {
      throw new ProblemError('not-acceptable', `Answers are ${mediaTypes.join(' or ')}.`)
    }
    if (importance !== 'vital') {
      const holding = admission.open(request.socket.remoteAddress ?? '')
      reply.raw.once('close', () => holding.leave())
      holding.add('request', 1)
      request.holding = holding
    }
    done()
  })
  for (const endpoint of endpoints) addEndpoint(app, endpoint, closing)
  return app
}

/** Ends a connection beyond the bounds; there is no request yet that could be answered. */
const admitConnection = (admission: Admission, socket: Socket): void => {
  const holding = admission.open(socket.remoteAddress ?? '')
  socket.once('close', () => holding.leave())
  if (holding.tryAdd('connection', 1) !== undefined) socket.destroy()
}

/** Requests are validated by zod. Fastify's own compilers of schemas would take a tenth of the start of a process. */
const refuseSchemas = (): never => {
  throw new Error('an endpoint has a schema for Fastify')
}

/** Fastify believes these types: `toQuery` makes the query and `parseBody` the body of every request. */
interface Typed {
  Params: Record<string, string>
  Querystring: ParsedQuery
  Body: JsonBody | undefined
}

const toQuery = (text: string): { [key: string]: unknown } => ({ ...parseQueryString(text) })

/** Answered whatever their `Host`. */
const probePaths: ReadonlySet<string> = new Set(['/livez', '/readyz'])

const emptyBody: JsonBody = { kind: 'empty' }

const addEndpoint = (
  app: FastifyInstance,
  { description, answer: answerRequest }: Endpoint,
  closing: AbortSignal,
): void => {
  const answers = Object.values(description.answers)
  const streamed = answers.flatMap(({ streamMediaType }) => streamMediaType ?? [])
  const isPage = answers.some(({ mediaType }) => mediaType !== undefined)
  app.route<Typed>({
    method: description.method,
    ...(description.bodyBytesMax !== undefined && { bodyLimit: description.bodyBytesMax }),
    url: description.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: {
      ...(!isPage && { mediaTypes: ['application/json', ...streamed] }),
      ...(description.admission && { admission: description.admission }),
      ...(description.itemsIn !== undefined && { itemsIn: description.itemsIn }),
    },
    handler: async (request, reply) => {
      const { method, params, query, body = emptyBody, headers } = request
      const whenOver = (): AbortSignal => signalEnd(reply.raw, closing)
      const hold: Holding['add'] = (kind, weight) => request.holding?.add(kind, weight)
      const answer = await workOn(request, () => answerRequest({ params, query, body, headers, whenOver, hold }))
      holdAnswer(request, reply, answer)
      reply
        .code(answer.status)
        .headers(answerHeaders)
        .header('content-type', answer.mediaType ?? 'application/json; charset=utf-8')
      if (answer.headers !== undefined) reply.headers(answer.headers)
      if (method !== 'HEAD' || typeof answer.body === 'string') return reply.send(answer.body)
      // Fastify would read the stream to its end, which a feed does not have.
      answer.body.destroy()
      return reply.send('')
    },
  })
}

/** Aborts when the client has gone, or the answer was given, or `closing` aborts. */
const signalEnd = (response: ServerResponse, closing: AbortSignal): AbortSignal => {
  if (response.closed || closing.aborted) return AbortSignal.abort()
  const end = new AbortController()
  const abort = (): void => {
    closing.removeEventListener('abort', abort)
    end.abort()
  }
  response.once('close', abort)
  closing.addEventListener('abort', abort)
  return end.signal
}

/** The answer, after which the next large body is worked on. */
const workOn = async (request: FastifyRequest, answer: () => HttpAnswer | Promise<HttpAnswer>): Promise<HttpAnswer> => {
  try {
    return await answer()
  } finally {
    request.endWork?.()
  }
}

/**
 * Counts a large answer until it was taken off, and ends the connection of a client that takes nothing off. What a request
 * has changed is told in any case: its body counts until then.
 */
const holdAnswer = (request: FastifyRequest, reply: FastifyReply, { body }: HttpAnswer): void => {
  if (typeof body === 'string') {
    if (body.length <= limits.smallBytesMax) return
    if (request.method === 'GET') request.holding?.add('answer-byte', Buffer.byteLength(body))
  }
  const { socket } = request.raw
  // Requests of tests have none.
  if (!(socket instanceof Socket)) return
  socket.setTimeout(limits.stalledAnswerMs)
  // An answer behind it on the same connection may wait for longer. Before Node's own listener, which sets the time to idle.
  reply.raw.prependOnceListener('finish', () => socket.setTimeout(limits.silentConnectionMs))
}

const countHosts = (rawHeaders: readonly string[]): number => {
  let hosts = 0
  // Names and values take turns.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts
}

/** Refuses a request for faults that do not depend on the endpoint. Throws ProblemError. */
const judgeRequest = (request: FastifyRequest): void => {
  if ((request.raw.url ?? '').length > limits.uriCharactersMax) {
    throw new ProblemError('uri-too-long', `An address has at most ${limits.uriCharactersMax} characters.`)
  }
  if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') {
    throw new ProblemError('invalid-header', 'The request needs a Host header, and a version of HTTP.')
  }
  // Node keeps the first; whatever stands before this process may have gone by the other (RFC 9112, section 3.2).
  if (countHosts(request.raw.rawHeaders) > 1) {
    throw new ProblemError('invalid-header', 'The request has more than one Host header.')
  }
}

/** Throws `method-not-allowed` for the address of an endpoint, and `route-not-found` for any other. */
const createAddressJudge = (endpoints: readonly Endpoint[]): ((request: FastifyRequest) => never) => {
  const methods = Map.groupBy(endpoints, ({ description }) => description.path)
  const addresses = [...methods].map(([path, those]) => ({
    segments: path.split('/'),
    allow: those.flatMap(({ description: { method } }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', '),
  }))
  return (request) => {
    const [path = ''] = (request.raw.url ?? '').split('?')
    const asked = path.split('/')
    const found = addresses.find(
      ({ segments }) =>
        segments.length === asked.length &&
        segments.every(
          (segment, index) => segment === asked[index] || (segment.startsWith('{') && asked[index] !== ''),
        ),
    )
    if (found === undefined) throw new ProblemError('route-not-found', 'See /api/docs for what there is.')
    const detail = `This address knows ${found.allow}.`
    throw new ProblemError('method-not-allowed', detail, { headers: { allow: found.allow } })
  }
}

/** A refused body of up to 16 MiB is read to its end, or a client that is still sending would not see the refusal. */
const drainedBytesMax = 16_777_216
const drainedCodes: ReadonlySet<string> = new Set(['payload-too-large', 'overloaded'])

const sendProblem = (logger: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const problem = toProblem(error)
  const { status } = problems[problem.code]
  const { traceparent, 'content-length': length } = request.headers
  const traceId = typeof traceparent === 'string' ? findTraceId(traceparent) : undefined
  if (status === 500) logger.error({ err: error, method: request.method, traceId }, 'failed to answer a request')
  if (drainedCodes.has(problem.code) && Number(length) <= drainedBytesMax) reply.removeHeader('connection')
  return (
    reply
      .code(status)
      .headers({ ...answerHeaders, 'content-type': problemMediaType, ...problem.members.headers })
      // As bytes, because to text Fastify adds a charset, which this media type does not have.
      .send(Buffer.from(renderProblem(problem, traceId)))
  )
}
