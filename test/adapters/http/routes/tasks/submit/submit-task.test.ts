import { fc, test as property } from '@fast-check/vitest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpWorld, type HttpWorld } from '../../../support/http-world.ts'

let world: HttpWorld
beforeAll(async () => {
  world = await createHttpWorld({ defaultsOf: (type) => (type === 'defined' ? definition : {}) })
})
afterAll(() => world.close())

const definition = {
  maxAttempts: 9,
  timeoutMs: 1_234,
  retry: { strategy: 'fixed', baseMs: 700, maxMs: 900, jitter: 'none' },
} as const

const submit = (body: object, headers?: Readonly<Record<string, string>>) =>
  world.post('/api/tasks', JSON.stringify(body), headers)

describe('a submission that names its type only', () => {
  test('is stored with every default, and found where Location says', async () => {
    const submitted = await submit({ type: 'email.send' })
    expect(submitted.statusCode).toBe(202)
    const task: { readonly id: string } = submitted.json()
    expect(submitted.headers.location).toBe(`/api/tasks/${task.id}`)
    expect(task).toStrictEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: 'email.send',
      queue: 'default',
      status: 'PENDING',
      detail: 'ready',
      priority: 0,
      attempt: 0,
      maxAttempts: 5,
      timeoutMs: 60_000,
      payload: null,
      result: null,
      error: null,
      progress: null,
      runAt: '2026-01-01T00:00:00.000Z',
      submittedAt: '2026-01-01T00:00:00.000Z',
      startedAt: null,
      finishedAt: null,
      tags: [],
      version: 1,
    })
    const found = await world.inject(`/api/tasks/${task.id.toUpperCase()}`)
    expect(found.statusCode).toBe(200)
    expect(found.headers.etag).toBe('"1"')
    expect(found.json()).toStrictEqual(task)
  })

  test('records the defaults of the definition of its type', async () => {
    const { id } = (await submit({ type: 'defined', retry: { maxMs: 800 } })).json()
    const { items } = (await world.inject(`/api/tasks/${id}/events`)).json()
    expect(items[0].data).toStrictEqual({
      type: 'defined',
      queue: 'default',
      payload: null,
      priority: 0,
      delayMs: 0,
      maxAttempts: 9,
      timeoutMs: 1_234,
      retry: { strategy: 'fixed', baseMs: 700, maxMs: 800, jitter: 'none' },
      tags: [],
    })
  })

  test('is refused when its maxMs is below the baseMs of the definition', async () => {
    const refused = await submit({ type: 'defined', retry: { maxMs: 699 } })
    expect(refused.statusCode).toBe(422)
    expect(refused.json()).toMatchObject({ code: 'validation-failed', errors: [{ pointer: '/retry/maxMs' }] })
  })
})

describe('the limits of a submission', () => {
  const name = `a${'.'.repeat(127)}`
  test.each([
    { type: name, queue: name, priority: -100, maxAttempts: 1, timeoutMs: 1, delayMs: 0, tags: [] },
    { type: 'a', priority: 100, maxAttempts: 100, timeoutMs: 86_400_000, delayMs: 315_576_000_000 },
    { type: 'a', retry: { strategy: 'fixed', baseMs: 0, maxMs: 0, jitter: 'none' } },
    { type: 'a', retry: { baseMs: 86_400_000 } },
    { type: 'a', retry: { baseMs: 86_400_000, maxMs: 604_800_000 } },
    { type: 'a', tags: Array.from({ length: 20 }, () => '😀'.repeat(64)) },
    { type: 'a', runAt: '2036-01-01T00:00:00Z' },
    { type: 'a', payload: 'x'.repeat(262_142) },
    { type: 'a', payload: 'é'.repeat(131_071) },
  ])('can be reached: %#', async (body) => {
    expect((await submit(body)).statusCode).toBe(202)
  })

  test('let a payload in escapes be as large as one without', async () => {
    const body = `{"type":"a","payload":"${String.raw`\u0061`.repeat(262_142)}"}`
    expect((await world.post('/api/tasks', body)).statusCode).toBe(202)
  })

  test.each([
    ['x'.repeat(262_143), 413],
    ['é'.repeat(131_072), 413],
  ])('refuse a payload of one byte more as too large', async (payload, status) => {
    const refused = await submit({ type: 'a', payload })
    expect([refused.statusCode, refused.json().code]).toStrictEqual([status, 'payload-too-large'])
  })

  test('bound nesting: a hundred containers are stored, one more is refused', async () => {
    const nested = (depth: number) => `{"type":"a","payload":${'['.repeat(depth)}${']'.repeat(depth)}}`
    expect((await world.post('/api/tasks', nested(100))).statusCode).toBe(202)
    for (const depth of [101, 10_000, 500_000]) {
      const refused = await world.post('/api/tasks', nested(depth))
      expect(refused.statusCode).toBe(422)
      expect(refused.json().errors).toStrictEqual([
        { pointer: '/payload', message: 'is more than 100 containers deep' },
      ])
    }
  })

  test('are reported all at once, each with its pointer', async () => {
    const body =
      String.raw`{"type":"no space","queue":1,"priority":101,"maxAttempts":0,"timeoutMs":1.5,"delayMs":1,"runAt":"2026-02-30T00:00:00Z",` +
      String.raw`"retry":{"strategy":"x","baseMs":2,"maxMs":1,"odd":1},"tags":["ok","","\ud800"],"payload":{"a/b":["\u0000",1e400]},"~":null}`
    const refused = await world.post('/api/tasks', body)
    expect(refused.statusCode).toBe(422)
    const problem: { readonly errors: readonly { readonly pointer: string }[] } = refused.json()
    expect(problem.errors.map((fault) => fault.pointer).toSorted()).toStrictEqual(
      [
        '/delayMs',
        '/maxAttempts',
        '/payload/a~1b/0',
        '/payload/a~1b/1',
        '/priority',
        '/queue',
        '/retry/maxMs',
        '/retry/odd',
        '/retry/strategy',
        '/runAt',
        '/runAt',
        '/tags/1',
        '/tags/2',
        '/timeoutMs',
        '/type',
        '/~0',
      ].toSorted(),
    )
  })
})

describe('when a task is due', () => {
  test.each([
    [{ runAt: '2026-01-01T02:00:00.5+01:30' }, '2026-01-01T00:30:00.500Z', 'scheduled'],
    [{ runAt: '1999-12-31T23:59:59Z' }, '2026-01-01T00:00:00.000Z', 'ready'],
    [{ delayMs: 1_500 }, '2026-01-01T00:00:01.500Z', 'scheduled'],
  ])('%j means %s', async (due, runAt, detail) => {
    expect((await submit({ type: 'a', ...due })).json()).toMatchObject({ runAt, detail })
  })

  test('is refused beyond ten years', async () => {
    const refused = await submit({ type: 'a', runAt: '2036-01-02T00:00:00Z' })
    expect(refused.json()).toMatchObject({ code: 'validation-failed', errors: [{ pointer: '/runAt' }] })
  })
})

describe('actor and reason', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

  test('go into the envelope, with the trace', async () => {
    const headers = { 'x-actor': 'Ada', 'x-reason': 'a try', traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
    const { id } = (await submit({ type: 'a' }, headers)).json()
    const { items } = (await world.inject(`/api/tasks/${id}/events`)).json()
    expect(items[0]).toMatchObject({ actor: 'Ada', reason: 'a try', traceId })
  })

  test.each([
    '00-zz',
    `ff-${traceId}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${traceId}-00f067aa0ba902b7-01-more`,
  ])('ignore the malformed traceparent %s', async (traceparent) => {
    const submitted = await submit({ type: 'a' }, { traceparent })
    expect(submitted.statusCode).toBe(202)
    const { items } = (await world.inject(`/api/tasks/${submitted.json().id}/events`)).json()
    expect(items[0]).toMatchObject({ actor: null, reason: null, traceId: null })
  })
})

describe('a payload', () => {
  const roundTrip = async (payload: string): Promise<string> => {
    const { body } = await world.post('/api/tasks', `{"type":"a","payload":${payload}}`)
    const { id } = JSON.parse(body)
    const found = (await world.inject(`/api/tasks/${id}`)).body
    const { items } = (await world.inject(`/api/tasks/${id}/events`)).json()
    expect(JSON.stringify(items[0].data.payload)).toBe(payload)
    expect(found).toBe(body)
    return /"payload":(.*),"result":null\}$/su.exec(found)?.[1] ?? ''
  }

  test.each([
    '{"z":1,"a":{"y":[],"b":{}}}',
    '"👩‍👩‍👧 \u2028 \\"__proto__\\" \\\\"',
    '["__proto__",{"constructor":1},{"prototype":{}}]',
    '[1e+21,1e-7,123456789012345,0.1,5e-324,1.7976931348623157e+308]',
    '{"":"","toString":null,"hasOwnProperty":[true,false]}',
  ])('%s comes back to the letter', async (payload) => {
    expect(await roundTrip(payload)).toBe(payload)
  })

  test('is kept as JSON.stringify writes it', async () => {
    const { body } = await world.post('/api/tasks', '{ "type":"a", "payload": [ -0, 1.0, 1E2, "\\u0041" ] }')
    expect(body).toContain('"payload":[0,1,100,"A"]')
  })

  const isStorable = (text: string) => !text.includes('\0') && text.isWellFormed()
  property.prop([
    fc
      .json({ noUnicodeString: false, maxDepth: 5 })
      .filter((text) => !/\\u0000|\\ud[89a-f]|\\[uU]d|__proto__/iu.test(text) && isStorable(text)),
  ])('of any shape comes back to the letter', async (text) => {
    const payload = JSON.stringify(JSON.parse(text))
    expect(await roundTrip(payload)).toBe(payload)
  })
})
