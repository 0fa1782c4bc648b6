import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { inOurWords, toFaults, validationFailed } from './problems/faults.ts'
import type { Holding } from './request/admission.ts'
import type { BodyItem, JsonBody } from './request/json-body.ts'
import type { JsonFacts } from './request/json-scan.ts'
import { type Fault, type ProblemCode, ProblemError } from './problems/problems.ts'
import type { ParsedQuery } from './request/query-string.ts'

/** One address with its method: the schemas that validate requests, texts that describe it, a function that answers. */
export interface Endpoint {
  readonly description: EndpointDescription
  /** Throws ProblemError, and the errors of the application. */
  readonly answer: (request: RawRequest) => HttpAnswer | Promise<HttpAnswer>
}

/** Puts the validation of the query and the body, which tells all faults at once, in front of a handler. */
export const createEndpoint = <Query, Body>(definition: EndpointDefinition<Query, Body>): Endpoint => ({
  description: definition,
  answer: ({ params, query: given, body: parsed, headers, whenOver, hold }) => {
    assertParsed(parsed, definition.body.presence)
    const query = definition.query.safeParse(given.values, inOurWords)
    const sent = parsed.kind === 'json' ? parsed.value : undefined
    const body = definition.body.schema.safeParse(sent, inOurWords)
    const isUnfit = given.faults.length > 0 && definition.query !== anyQuery
    const inexact =
      parsed.kind === 'json' && definition.body.presence !== 'ignored' ? toInexactFaults(parsed.facts) : []
    if (!query.success || !body.success || isUnfit || inexact.length > 0) {
      const unreadable = isUnfit ? given.faults : []
      throw validationFailed([...unreadable, ...faultsOf(query, '/query'), ...faultsOf(body, ''), ...inexact])
    }
    const items = parsed.kind === 'json' ? parsed.items : []
    return definition.handle({ params, query: query.data, body: body.data, sent, items, headers, whenOver, hold })
  },
})

/** A request as the server read it, before any schema. */
export interface RawRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: ParsedQuery
  readonly body: JsonBody
  readonly headers: IncomingHttpHeaders
  /**
   * Makes a signal that aborts when the client has gone or the server closes, for answers that wait. Each call makes a new
   * signal, which costs two listeners: call it once, and only where something waits.
   */
  readonly whenOver: () => AbortSignal
  /** Counts what the answer holds beyond its text until the client has it all. Throws an `overloaded` problem. */
  readonly hold: Holding['add']
}

interface ValidRequest<Query, Body> extends Omit<RawRequest, 'query' | 'body'> {
  readonly query: Query
  readonly body: Body
  /** The body as it was sent, before the schema transformed it. */
  readonly sent: unknown
  /** The elements of the member that the endpoint has its items in, not parsed yet: `body` has null in their places. */
  readonly items: readonly BodyItem[]
}

/** An answer ready to be sent; `body` is JSON text unless `mediaType` says otherwise. */
export interface HttpAnswer {
  readonly status: number
  /** A stream is destroyed when the client goes. */
  readonly body: string | Readable
  readonly headers?: Readonly<Record<string, string>>
  readonly mediaType?: string
}

/** All of an endpoint but its function. The reference and the server are made from it. */
export interface EndpointDescription<Query = unknown, Body = unknown> {
  readonly method: 'GET' | 'POST'
  /** Parameters in braces: `/api/tasks/{id}`. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly query: z.ZodType<Query>
  readonly body: BodyDefinition<Body>
  /** How much a body may weigh, where that differs from the limit of the server. */
  readonly bodyBytesMax?: number
  /** The member of the body whose elements the handler judges one by one. */
  readonly itemsIn?: string
  /** Descriptions of the headers that the endpoint reads, by name. */
  readonly requestHeaders?: Readonly<Record<string, string>>
  readonly answers: Readonly<Record<string, AnswerDescription>>
  readonly refusals: readonly ProblemCode[]
  /** `vital`: answered under any load, because others decide by it whether this process lives. */
  readonly admission?: 'vital'
}

interface EndpointDefinition<Query, Body> extends EndpointDescription<Query, Body> {
  readonly handle: (request: ValidRequest<Query, Body>) => HttpAnswer | Promise<HttpAnswer>
}

/** One answer in the reference: when it is given, and the shape of its body. */
export interface AnswerDescription {
  readonly description: string
  readonly schema?: z.ZodType
  readonly example?: unknown
  /** Names and descriptions of headers. */
  readonly headers?: Readonly<Record<string, string>>
  readonly mediaType?: string
  /** The media type in which clients that prefer it get the same as a stream. */
  readonly streamMediaType?: string
}

interface BodyDefinition<Body> {
  readonly schema: z.ZodType<Body>
  /** What the reference shows where the handler validates parts of the body itself. */
  readonly described?: z.ZodType
  readonly presence: 'required' | 'optional' | 'ignored'
  readonly example?: unknown
}

/** The query of an endpoint that knows no parameters. */
export const noQuery = z.strictObject({})

/** The query of an endpoint for probes and browsers, which may add any parameter. */
export const anyQuery = z.unknown()

/** The body of an endpoint that takes none. */
export const noBody: BodyDefinition<unknown> = { schema: z.unknown(), presence: 'ignored' }

const faultsOf = (result: z.ZodSafeParseResult<unknown>, base: string): readonly Fault[] =>
  result.success ? [] : toFaults(result.error, base)

/** JSON has no limit for integers, a double has: what would come back as another number is refused. */
export const toInexactFaults = ({ inexact }: JsonFacts): readonly Fault[] =>
  inexact.map((pointer) => ({
    pointer,
    message: 'is an integer that a double does not hold exactly: send it as a string',
  }))

const assertParsed = (body: JsonBody, presence: BodyDefinition<unknown>['presence']): void => {
  if (presence === 'ignored') return
  const refusal = findRefusal(body)
  if (refusal !== undefined) throw refusal
  if (body.kind === 'empty' && presence === 'required') throw new ProblemError('malformed-json', 'The body is empty.')
}

/** Why a body, or an item of a batch, is refused whatever its endpoint wants. */
export const findRefusal = (body: JsonBody): ProblemError | undefined => {
  switch (body.kind) {
    case 'too-complex':
      return validationFailed([{ pointer: body.pointer, message: body.message }])
    case 'too-large':
      return new ProblemError('payload-too-large', body.detail)
    case 'encoded':
      return new ProblemError('unsupported-media-type', 'Send the body without a content-encoding.')
    case 'malformed':
      return new ProblemError('malformed-json', body.detail)
    case 'json':
    case 'empty':
      return undefined
  }
}
