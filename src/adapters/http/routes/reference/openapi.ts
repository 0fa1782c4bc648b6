import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi'
import { z } from 'zod'
import { problemMediaType, problemView, renderProblem } from '../../problems/problem-document.ts'
import { type ProblemCode, ProblemError, problems } from '../../problems/problems.ts'
import type { AnswerDescription, Endpoint, EndpointDescription } from '../../endpoint.ts'

/** The OpenAPI 3.1 document of these endpoints, made from the same schemas that validate requests. */
export const createOpenApi = (endpoints: readonly Endpoint[], version: string): object => {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  for (const { description } of endpoints) {
    const { path, method } = description
    paths[path] = { ...paths[path], [method.toLowerCase()]: toOperation(description) }
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Taskfold',
      version,
      description: 'A distributed task scheduler: every task is the fold of its append-only history.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server.' }],
    security: [],
    tags: [...new Set(endpoints.map(({ description }) => tagOf(description)))].map((name) => ({
      name,
      description: tagDescriptions[name] ?? name,
    })),
    paths: paths satisfies ZodOpenApiPathsObject,
  })
}

const tagDescriptions: Readonly<Record<string, string>> = {
  tasks: 'Submit tasks, look at them, change their course.',
  feed: 'Every event of every task.',
  fleet: 'Queues and workers.',
  operation: 'What operators and probes ask.',
}

const tagOf = ({ path }: EndpointDescription): string => {
  if (path.startsWith('/api/tasks')) return 'tasks'
  if (path === '/api/events') return 'feed'
  return path === '/api/queues' || path === '/api/workers' ? 'fleet' : 'operation'
}

const toOperation = (endpoint: EndpointDescription): ZodOpenApiOperationObject => ({
  operationId: endpoint.operationId,
  summary: endpoint.summary,
  ...(endpoint.description !== undefined && { description: endpoint.description }),
  tags: [tagOf(endpoint)],
  requestParams: {
    ...toPathParameters(endpoint.path),
    ...(endpoint.query instanceof z.ZodObject && { query: endpoint.query }),
    ...(endpoint.requestHeaders !== undefined && { header: toHeaders(endpoint.requestHeaders) }),
  },
  ...(endpoint.body.presence !== 'ignored' && {
    requestBody: {
      required: endpoint.body.presence === 'required',
      content: {
        'application/json': { schema: endpoint.body.described ?? endpoint.body.schema, example: endpoint.body.example },
      },
    },
  }),
  responses: { ...toResponses(endpoint.answers), ...toRefusals(refusalsOf(endpoint)) },
})

const toPathParameters = (path: string): { readonly path?: z.ZodObject } => {
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, pathParameters[name] ?? z.string()])
  return named.length === 0 ? {} : { path: z.object(Object.fromEntries(named)) }
}

const taskIdParameter = z
  .string()
  .meta({ description: 'The id of the task, a UUID.', example: '019b76da-a800-7c3e-8f6e-2f1d9c0b5a41' })

const effectNameParameter = z.string().meta({ description: 'The name of the effect.', example: 'charge' })

const pathParameters: Readonly<Record<string, z.ZodType>> = { id: taskIdParameter, name: effectNameParameter }

const toHeaders = (headers: Readonly<Record<string, string>>) =>
  z.object(
    Object.fromEntries(
      Object.entries(headers).map(([name, description]) => [name, z.string().optional().meta({ description })]),
    ),
  )

const toResponses = (answers: Readonly<Record<string, AnswerDescription>>) =>
  Object.fromEntries(
    Object.entries(answers).map(
      ([status, { description, schema, example, headers, mediaType = 'application/json', streamMediaType }]) => [
        status,
        {
          description,
          ...(headers !== undefined && { headers: toHeaders(headers) }),
          content: {
            [mediaType]: { ...(schema && { schema }), ...(example !== undefined && { example }) },
            ...(streamMediaType !== undefined && { [streamMediaType]: {} }),
          },
        },
      ],
    ),
  )

/** How any endpoint can refuse. */
const commonRefusals = ['not-acceptable', 'internal-error'] as const satisfies readonly ProblemCode[]

const refusalsOf = ({ refusals, body, admission }: EndpointDescription): readonly ProblemCode[] => [
  ...refusals,
  ...(body.presence === 'ignored' ? [] : (['unsupported-media-type'] as const)),
  ...(admission === 'vital' ? [] : (['overloaded'] as const)),
]

/** Refusals by status, each code with an example of its own. */
const toRefusals = (codes: readonly ProblemCode[]) => {
  const byStatus = Map.groupBy([...new Set([...codes, ...commonRefusals])], (code) => problems[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [
      String(status),
      {
        description: those.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' '),
        content: {
          [problemMediaType]: {
            schema: problemView,
            examples: Object.fromEntries(those.map((code) => [code, { value: exampleOf(code) }])),
          },
        },
      },
    ]),
  )
}

const exampleOf = (code: ProblemCode): unknown =>
  JSON.parse(
    renderProblem(
      new ProblemError(code, `${problems[code].title}.`, {
        ...(code === 'validation-failed' && {
          errors: [{ pointer: '/priority', message: 'Too big: expected number to be <=100' }],
        }),
      }),
      undefined,
    ),
  )
