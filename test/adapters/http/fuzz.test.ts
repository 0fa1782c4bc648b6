import { Agent, type IncomingMessage, request } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problems } from '#adapters/http/problems/problems.ts'
import { parseIncarnation, parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { claimEffect, fail } from '../../support/run-commands.ts'
import { loadTask } from '../../support/task-builders.ts'
import { type FuzzedRequest, requestsFor } from './support/fuzzed-request.ts'
import { createHttpWorld, type HttpWorld } from './support/http-world.ts'
import { createValidators, openApi, operationsOf, type OpenApi } from './support/openapi-document.ts'

/** How many requests each operation gets: thousands in a campaign, fifty otherwise. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 50)
/** The same requests each time, unless a campaign asks for others: some seeds never lead to one of the statuses below. */
const seed = Number(process.env['FUZZ_SEED'] ?? 1)

let world: HttpWorld
let port = 0
let document: OpenApi
let toValidator: ReturnType<typeof createValidators>
const taskIds: string[] = []
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

beforeAll(async () => {
  world = await createHttpWorld()
  port = Number(new URL((await world.server.listen('127.0.0.1', 0)).url).port)
  document = openApi.parse((await world.inject('/api/openapi.json')).json())
  toValidator = createValidators(document)
  for (const type of ['a', 'b', 'c']) taskIds.push((await world.post('/api/tasks', `{"type":"${type}"}`)).json().id)
  await leaveInDoubt(parseTaskId(taskIds[0] ?? ''))
})
afterAll(async () => {
  agent.destroy()
  await world.close()
})

/** A run begins the effect `charge`, at most once, and fails. */
const leaveInDoubt = async (taskId: TaskId): Promise<void> => {
  const incarnation = parseIncarnation('3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90')
  await world.work(taskId, (now) => ({ type: 'Start', incarnation, now }))
  const running = await loadTask(world.memory.store, taskId)
  await world.memory.ledger.claim(claimEffect(running, { name: 'charge', mode: 'once', unfinished: 'doubt' }))
  await world.work(taskId, () => fail(running))
}

interface FuzzedAnswer {
  readonly status: number
  readonly mediaType: string
  /** Undefined for a stream, which has no end. */
  readonly body: string | undefined
}

const send = ({ method, target, headers, body }: FuzzedRequest): Promise<FuzzedAnswer> => {
  const sent = request({ agent, port, host: '127.0.0.1', method, path: target })
  for (const [name, value] of headers) sent.setHeader(name, value)
  if (body !== undefined) sent.setHeader('content-type', 'application/json')
  return new Promise((resolve, reject) => {
    sent.setTimeout(20_000, () => sent.destroy(new Error('no answer in time')))
    sent.on('error', reject)
    sent.on('response', (response) => {
      receive(response).then(resolve, reject)
    })
    sent.end(body)
  })
}

const receive = async (response: IncomingMessage): Promise<FuzzedAnswer> => {
  const [mediaType = ''] = String(response.headers['content-type']).split(';')
  const status = response.statusCode ?? 0
  if (mediaType === 'text/event-stream') {
    response.on('error', () => {})
    response.destroy()
    return { status, mediaType, body: undefined }
  }
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(Buffer.from(chunk))
  return { status, mediaType, body: Buffer.concat(chunks).toString() }
}

/** Advances the clock while an answer is awaited, so that a request with `wait` is answered when its time is over. */
const answerOf = async (fuzzed: FuzzedRequest): Promise<FuzzedAnswer> => {
  const answer = send(fuzzed)
  let state: 'awaited' | 'here' = 'awaited'
  const settle = (): void => {
    state = 'here'
  }
  answer.then(settle, settle)
  while (fuzzed.target.includes('wait=') && state === 'awaited') await world.memory.advance(10_000)
  return answer
}

/** Refusals that any endpoint can give and that the document does not repeat for each. */
const common: ReadonlySet<number> = new Set([400, 404, 414, 431])

const judge = ({ described }: FuzzedRequest, { status, mediaType, body }: FuzzedAnswer): void => {
  expect(status).toBeLessThan(500)
  if (status >= 400) expect(mediaType).toBe('application/problem+json')
  const content = described.responses[status]?.content
  if (content === undefined) expect(common).toContain(status)
  else expect(Object.keys(content)).toContain(mediaType)
  if (body === undefined || !mediaType.endsWith('json')) return
  const value: unknown = JSON.parse(body)
  const problem = document.components.schemas['Problem']
  const schema = content?.[mediaType]?.schema ?? (status >= 400 ? problem : undefined)
  expect(schema === undefined ? undefined : toValidator(schema).safeParse(value).error).toBeUndefined()
  if (status < 400) return
  expect(value).toMatchObject({ status, code: expect.toSatisfy((code) => String(code) in problems) })
  expect(body).not.toMatch(/\n *at |\\n *at |node_modules|\.[tj]s:\d|FST_ERR/)
}

describe('a request made from the document', () => {
  test('is answered as the document says, operation by operation', { timeout: 60_000 + runs * 1_000 }, async () => {
    const statuses = new Map<number, number>()
    for (const operation of operationsOf(document)) {
      const isStill = operation[1].startsWith('/api/docs')
      await fc.assert(
        fc.asyncProperty(requestsFor(operation, document, taskIds), async (fuzzed) => {
          const answer = await answerOf(fuzzed)
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
          judge(fuzzed, answer)
        }),
        { seed, numRuns: isStill ? 3 : runs },
      )
    }
    // Requests reach the handlers, and are refused before them as well.
    for (const status of [200, 202, 400, 404, 406, 422]) expect(statuses.get(status), String(status)).toBeGreaterThan(0)
  })

  test('leaves the server alive, and logs no error', async () => {
    expect((await fetch(`http://127.0.0.1:${port}/api/tasks`)).status).toBe(200)
    expect(world.memory.logger.lines.filter(({ level }) => level === 'error')).toStrictEqual([])
  })
})
