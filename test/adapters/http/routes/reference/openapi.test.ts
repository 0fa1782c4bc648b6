import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseIncarnation, parseTaskId } from '#domain/identifiers.ts'
import { claimEffect } from '../../../../support/run-commands.ts'
import { loadTask } from '../../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../../support/http-world.ts'
import { createValidators, type Media, type OpenApi, openApi, operationsOf } from '../../support/openapi-document.ts'

let world: HttpWorld
let document: OpenApi
let toValidator: ReturnType<typeof createValidators>
beforeAll(async () => {
  world = await createHttpWorld({ checks: [{ name: 'postgres', ok: true, message: 'fine' }] })
  document = openApi.parse((await world.inject('/api/openapi.json')).json())
  toValidator = createValidators(document)
})
afterAll(() => world.close())

const operations = () => operationsOf(document)

describe('the OpenAPI document', () => {
  test('passes redocly lint without a warning', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'taskfold-openapi-'))
    try {
      await writeFile(join(folder, 'openapi.json'), JSON.stringify(document))
      const redocly = join(import.meta.dirname, '../../../../../node_modules/.bin/redocly')
      const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
      const lint = promisify(execFile)(redocly, ['lint', '--format=json', 'openapi.json'], { cwd: folder, env })
      const found: unknown = JSON.parse((await lint).stdout)
      expect(found).toMatchObject({ totals: { errors: 0, warnings: 0 } })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('describes every endpoint that answers, and no other', async () => {
    for (const [method, path] of operations()) {
      const url = path.replace('{id}', '019b76da-a800-7c3e-8f6e-2f1d9c0b5a41').replace('{name}', 'charge')
      const answer = await world.inject({ method: method === 'get' ? 'GET' : 'POST', url })
      expect(answer.statusCode, `${method} ${path}`).not.toBe(405)
      expect(answer.body, `${method} ${path}`).not.toContain('route-not-found')
    }
    expect(operations().map(([method, path]) => `${method} ${path}`)).toStrictEqual([
      'post /api/tasks',
      'get /api/tasks',
      'post /api/tasks/batch',
      'get /api/tasks/{id}',
      'get /api/tasks/{id}/events',
      'get /api/tasks/{id}/explain',
      'get /api/tasks/{id}/effects',
      'post /api/tasks/{id}/effects/{name}/settle',
      'post /api/tasks/{id}/retry',
      'post /api/tasks/{id}/cancel',
      'post /api/tasks/{id}/run-now',
      'get /api/events',
      'get /api/queues',
      'get /api/workers',
      'get /livez',
      'get /readyz',
      'get /api/info',
      'get /api/openapi.json',
      'get /api/docs',
      'get /api/docs/scalar.js',
    ])
  })

  test('has examples that its own schemas accept', () => {
    let count = 0
    const accept = ({ schema, example, examples = {} }: Media, where: string): void => {
      if (schema === undefined) return
      const values = [...(example === undefined ? [] : [example]), ...Object.values(examples).map(({ value }) => value)]
      expect(values.length, where).toBeGreaterThan(0)
      for (const value of values) expect(toValidator(schema).safeParse(value).error, where).toBeUndefined()
      count += values.length
    }
    for (const [method, path, { requestBody, responses }] of operations()) {
      const contents = [requestBody, ...Object.values(responses)].flatMap((part) => Object.values(part?.content ?? {}))
      for (const content of contents) accept(content, `${method} ${path}`)
    }
    expect(count).toBeGreaterThan(50)
  })

  test('has examples that the server takes', async () => {
    const example = document.paths['/api/tasks']?.['post']?.requestBody?.content['application/json']?.example
    expect((await world.post('/api/tasks', JSON.stringify(example))).statusCode).toBe(202)
  })
})

describe('an answer of the server', () => {
  const task = (id: string, what = '') => `/api/tasks/${id}${what}`

  /** One task of each status, and one of another worker's. */
  const prepare = async (): Promise<readonly string[]> => {
    const incarnation = parseIncarnation('3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90')
    const worker = { incarnation, host: 'here', pid: 1, queues: undefined, types: ['a'], concurrency: 5 }
    await world.memory.registry.register({ ...worker, leaseMs: 15_000, beatMs: 3_000 })
    const ids: string[] = []
    for (const ending of ['pending', 'running', 'failed', 'succeeded']) {
      const taskId = parseTaskId((await world.post('/api/tasks', '{"type":"a","payload":[1],"tags":["t"]}')).json().id)
      ids.push(taskId)
      if (ending === 'pending') continue
      await world.work(taskId, (now) => ({ type: 'Start', incarnation, now }))
      const started = await loadTask(world.memory.store, taskId)
      await world.memory.ledger.claim(claimEffect(started, { name: 'charge', mode: 'once', unfinished: 'doubt' }))
      const error = { name: 'E', message: 'm', stack: 's' }
      if (ending === 'succeeded') await world.work(taskId, () => ({ type: 'Succeed', run: 2, result: '{"a":1}' }))
      if (ending === 'failed') {
        const cause = 'permanent-error'
        await world.work(taskId, () => ({ type: 'Fail', run: 2, cause, error, ending: 'thrown', random: 0 }))
      }
    }
    return ids
  }

  test('has the shape that the document describes, also when it is a refusal', async () => {
    const [pending = '', running = '', failed = '', succeeded = ''] = await prepare()
    const none = '019b76da-a800-7c3e-8f6e-2f1d9c0b5a41'
    const gets = [
      '/api/tasks',
      '/api/tasks?limit=1',
      '/api/tasks?cursor=x',
      '/api/tasks?x=1',
      '/api/queues',
      '/api/workers',
    ]
    gets.push('/api/queues?x=1', '/api/info', '/livez', '/readyz', task(none), task(none, '/events'))
    gets.push('/api/events?limit=3', '/api/events?after=latest', '/api/events?after=x', '/api/events?limit=0')
    for (const what of ['/explain', '/effects', '?asOfVersion=1', '?wait=1s']) gets.push(task(none, what))
    for (const query of ['asOfVersion=1', 'asOfVersion=0', 'asOfVersion=9', 'asOf=2020-01-01T00:00:00Z', 'wait=x']) {
      gets.push(task(succeeded, `?${query}`))
    }
    await world.memory.ledger.claim(claimEffect(await loadTask(world.memory.store, parseTaskId(running))))
    for (const id of [pending, running, failed, succeeded]) {
      gets.push(task(id), task(id, '/events'), task(id, '/explain'), task(id, '/effects'))
    }
    const posts = [
      task(pending, '/run-now'),
      task(running, '/cancel'),
      task(pending, '/cancel'),
      task(failed, '/retry'),
    ]
    posts.push(
      task(succeeded, '/retry'),
      task(succeeded, '/cancel'),
      task(succeeded, '/run-now'),
      task(none, '/cancel'),
    )
    const post = (url: string, body: string, more = {}) =>
      ({ method: 'POST', url, headers: { 'content-type': 'application/json', ...more }, body }) as const
    const settle = (id: string, name: string, body: string) => post(task(id, `/effects/${name}/settle`), body)
    const settlements = [
      settle(failed, 'charge', '{"outcome":"completed","result":[1],"reason":"seen"}'),
      settle(failed, 'charge', '{"outcome":"not-done"}'),
      settle(failed, 'charge', '{"outcome":"lost"}'),
      settle(failed, 'refund', '{"outcome":"not-done"}'),
      settle(none, 'charge', '{"outcome":"not-done"}'),
    ]
    const submissions = [
      post('/api/tasks', '{"type":"a"}', { 'idempotency-key': 'k' }),
      post('/api/tasks', '{"type":"a"}', { 'idempotency-key': 'k' }),
      post('/api/tasks', '{"type":"b"}', { 'idempotency-key': 'k' }),
      post('/api/tasks', '{"type":"a"}', { 'idempotency-key': '' }),
      post('/api/tasks/batch', '{"tasks":[{"type":"a"},{},{"type":"b","idempotencyKey":"k"}]}'),
      post('/api/tasks/batch', `{"tasks":[{"type":"a","payload":"${'x'.repeat(262_144)}"}]}`),
      post('/api/tasks/batch?atomic=true', '{"tasks":[{"type":"a"},{"type":"a","idempotencyKey":"k"}]}'),
      post('/api/tasks/batch?atomic=true', '{"tasks":[{"type":"b","idempotencyKey":"k"}]}'),
      post('/api/tasks/batch', '{"tasks":[]}'),
      post('/api/tasks/batch', '{', { 'idempotency-key': 'k' }),
    ]
    const answers = [
      ...gets.map((url) => ({ method: 'GET', url }) as const),
      { method: 'GET', url: '/api/workers', headers: { accept: 'text/html' } } as const,
      ...posts.map((url) => ({ method: 'POST', url }) as const),
      { method: 'POST', url: task(pending, '/retry'), headers: { 'if-match': '"99"' } } as const,
      { method: 'POST', url: '/api/tasks', headers: { 'content-type': 'application/json' }, body: '{' } as const,
      { method: 'POST', url: '/api/tasks', headers: { 'content-type': 'application/json' }, body: '{}' } as const,
      ...submissions,
      ...settlements,
      { method: 'GET', url: task(failed, '/effects') } as const,
    ]
    for (const request of answers) {
      const answer = await world.inject(request)
      const path = request.url
        .replace(/\?.*/, '')
        .replace(/(?<=tasks\/)(?!batch)[^/]+/, '{id}')
        .replace(/(?<=effects\/)[^/]+/, '{name}')
      const where = `${request.method} ${request.url} ${answer.statusCode}`
      const described = document.paths[path]?.[request.method.toLowerCase()]?.responses[answer.statusCode]?.content
      const [mediaType = ''] = String(answer.headers['content-type']).split(';')
      const schema = described?.[mediaType]?.schema
      expect(schema, where).toBeDefined()
      expect(toValidator(schema ?? {}).safeParse(answer.json()).error, where).toBeUndefined()
    }
  })
})

describe('the reference page', () => {
  test('loads nothing from another origin', async () => {
    const page = await world.inject({ url: '/api/docs', headers: { accept: 'text/html' } })
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toMatch(/^text\/html/)
    expect(page.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    expect(page.headers['content-security-policy']).toContain("default-src 'self'")
    const sources = [...page.body.matchAll(/src="([^"]+)"/g)].map(([, source = '']) => source)
    expect(sources).toStrictEqual(['/api/docs/scalar.js'])
    const script = await world.inject({ url: '/api/docs/scalar.js', headers: { accept: '*/*' } })
    expect(script.headers['content-type']).toMatch(/^text\/javascript/)
    expect(script.body.length).toBeGreaterThan(1_000_000)
  })
})
