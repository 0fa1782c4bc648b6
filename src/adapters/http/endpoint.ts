import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { toFaults, validationFailed } from './problems/faults.ts'
import type { JsonBody } from './request/json-body.ts'
import { type Fault, type ProblemCode, ProblemError } from './problems/problems.ts'
import type { ParsedQuery } from './request/query-string.ts'

/** A request as the server read it, not yet judged by any schema. */
export interface RawRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: ParsedQuery
  readonly body: JsonBody
  readonly headers: IncomingHttpHeaders
  /**
   * Aborts when the client has gone or the server closes, for answers that are waited for. Each call makes a signal of its
   * own: ask once, and only where something waits.
   */
  readonly whenOver: () => AbortSignal
}

/** An answer ready to be sent; `body` is JSON text unless `mediaType` says otherwise. */
export interface Answer {
  readonly status: number
  /** A stream is destroyed when the client goes. */
  readonly body: string | Readable
  readonly headers?: Readonly<Record<string, string>>
  readonly mediaType?: string
}

/** One answer in the reference: when it is given, and the shape of its body. */
export interface AnswerDescription {
  readonly description: string
  readonly schema?: z.ZodType
  readonly example?: unknown
  /** Names and descriptions of headers. */
  readonly headers?: Readonly<Record<string, string>>
  readonly mediaType?: string
  /** The media type in which the same is given as a stream to whoever prefers that. */
  readonly streamMediaType?: string
}

interface JudgedRequest<Query, Body> extends Omit<RawRequest, 'query' | 'body'> {
  readonly query: Query
  readonly body: Body
  /** The body as it was sent, before the schema made something of it. */
  readonly sent: unknown
}

/** One route: what validates it, what describes it and what answers it, in one place, so that they cannot differ. */
interface EndpointDefinition<Query, Body> {
  readonly method: 'GET' | 'POST'
  /** Parameters in braces: `/api/tasks/{id}`. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly query: z.ZodType<Query>
  readonly body: BodyDefinition<Body>
  /** How much a body may weigh, where that is not what all routes take. */
  readonly bodyBytesMax?: number
  /** Descriptions of the headers that the route reads, by name. */
  readonly requestHeaders?: Readonly<Record<string, string>>
  readonly answers: Readonly<Record<string, AnswerDescription>>
  readonly refusals: readonly ProblemCode[]
  /** `vital`: answered however much there is to do, because others decide by it whether this process lives. */
  readonly admission?: 'vital'
  readonly handle: (request: JudgedRequest<Query, Body>) => Answer | Promise<Answer>
}

interface BodyDefinition<Body> {
  readonly schema: z.ZodType<Body>
  /** What the reference shows where the handler judges parts of the body itself. */
  readonly described?: z.ZodType
  readonly presence: 'required' | 'optional' | 'ignored'
  readonly example?: unknown
}

/** A route whose types have done their work. */
export interface Endpoint extends Omit<EndpointDefinition<unknown, unknown>, 'handle'> {
  /** Throws ProblemError, and what the application throws. */
  readonly answer: (request: RawRequest) => Answer | Promise<Answer>
}

/** The query of a route that knows no parameters. */
export const noQuery = z.strictObject({})

/** The query of what probes and browsers ask for: anything may be added to it. */
export const anyQuery = z.unknown()

/** The body of a route that takes none. */
export const noBody: BodyDefinition<unknown> = { schema: z.unknown(), presence: 'ignored' }

/** Puts the judging of the query and the body, all faults at once, in front of a handler. */
export const createEndpoint = <Query, Body>(definition: EndpointDefinition<Query, Body>): Endpoint => {
  const { handle, ...description } = definition
  const { query: querySchema, body: bodyDefinition } = definition
  return {
    ...description,
    answer: ({ query: given, body: parsed, ...rest }) => {
      assertParsed(parsed, bodyDefinition.presence)
      const query = querySchema.safeParse(given.values)
      const sent = parsed.kind === 'json' ? parsed.value : undefined
      const body = bodyDefinition.schema.safeParse(sent)
      const isUnfit = given.faults.length > 0 && definition.query !== anyQuery
      if (!query.success || !body.success || isUnfit) {
        const unreadable = isUnfit ? given.faults : []
        throw validationFailed([...unreadable, ...faultsOf(query, '/query'), ...faultsOf(body, '')])
      }
      return handle({ ...rest, query: query.data, body: body.data, sent })
    },
  }
}

const faultsOf = (result: z.ZodSafeParseResult<unknown>, base: string): readonly Fault[] =>
  result.success ? [] : toFaults(result.error, base)

const assertParsed = (body: JsonBody, presence: BodyDefinition<unknown>['presence']): void => {
  if (presence === 'ignored') return
  if (body.kind === 'malformed') throw new ProblemError('malformed-json', body.detail)
  if (body.kind === 'empty' && presence === 'required') throw new ProblemError('malformed-json', 'The body is empty.')
}
