import { createClient, submission, type TaskfoldClient, TaskfoldError } from 'taskfold'
import { describe, expect, test } from 'vitest'
import { taskOf } from './support/answers.ts'
import {
  answer,
  halfAnswer,
  problem,
  reset,
  silence,
  startScriptedServer,
  type Step,
} from './support/scripted-server.ts'

const accepted = answer(202, taskOf())
const noWait = { 'retry-after': '0' }

/** The error that a call threw, which must be a TaskfoldError. */
const errorOf = async (call: Promise<unknown>): Promise<TaskfoldError> => {
  const error: unknown = await call.then(
    () => new Error('it did not throw'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof TaskfoldError) return error
  throw error
}

describe('a submission', () => {
  test.each<[string, readonly Step[]]>([
    ['is reset', [reset]],
    ['is answered half', [halfAnswer]],
    ['meets a store that does not answer', [problem(503, 'store-unavailable', {}, noWait)]],
    ['meets an overload', [problem(503, 'overloaded', {}, noWait)]],
    ['comes too often', [problem(429, 'rate-limited', {}, noWait)]],
    ['meets a proxy whose server is away', [answer(503, '<html>', { 'content-type': 'text/html' })]],
    ['meets one trouble after another', [reset, halfAnswer, problem(503, 'overloaded'), reset]],
  ])('that %s is sent again, with the same key and the same body', async (_what, troubles) => {
    await using server = await startScriptedServer([...troubles, accepted])
    const client = createClient({ url: server.url })

    expect(await client.submit('a', { n: 1 })).toEqual(taskOf())
    expect(server.seen.length).toBe(troubles.length + 1)
    const keys = new Set(server.seen.map(({ headers }) => headers['idempotency-key']))
    expect([...keys]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)])
    expect(new Set(server.seen.map(({ body }) => body))).toEqual(new Set(['{"type":"a","payload":{"n":1}}']))
  })

  test('has a key of its own each time, unless it is given one', async () => {
    await using server = await startScriptedServer([accepted])
    const client = createClient({ url: server.url })
    await client.submit('a')
    await client.submit('a')
    await client.submit('a', null, { idempotencyKey: 'order-7' })

    const [first, second, third] = server.seen.map(({ headers }) => headers['idempotency-key'])
    expect(first).not.toBe(second)
    expect(third).toBe('order-7')
  })

  test('that is refused is not sent again, and the error has all of the problem', async () => {
    const errors = [{ pointer: '/priority', message: 'must be at most 100' }]
    await using server = await startScriptedServer([problem(422, 'validation-failed', { errors })])
    const error = await errorOf(createClient({ url: server.url }).submit('a'))

    expect(error).toMatchObject({ name: 'TaskfoldError', code: 'validation-failed', status: 422, errors })
    expect(error.message).toBe('said validation-failed')
    expect(server.seen.length).toBe(1)
  })

  test('whose fate stays unknown names its task', async () => {
    const taskId = taskOf().id
    await using server = await startScriptedServer([
      problem(503, 'store-unavailable', { taskId }, { 'retry-after': '3600' }),
    ])

    const error = await errorOf(createClient({ url: server.url }).submit('a'))
    expect(error).toMatchObject({ code: 'store-unavailable', status: 503, taskId })
    expect(server.seen.length).toBe(1)
  })

  test.each<[string, Step]>([
    ['no JSON', answer(202, 'yes')],
    ['no task', answer(202, { id: 'a' })],
    ['a refusal without a problem document', answer(418, 'teapot')],
  ])('that is answered with %s is not sent again', async (_what, step) => {
    await using server = await startScriptedServer([step])
    expect(await errorOf(createClient({ url: server.url }).submit('a'))).toMatchObject({ code: 'invalid-answer' })
    expect(server.seen.length).toBe(1)
  })

  test('that is no JSON is not sent', async () => {
    await using server = await startScriptedServer([accepted])
    const client = createClient({ url: server.url })
    expect(await errorOf(client.submit('a', 1n))).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('BigInt'),
      cause: expect.any(TypeError),
    })
    expect(server.seen).toEqual([])
  })
})

describe('options of which no request can be made', () => {
  const circle: { self?: unknown } = {}
  circle.self = circle
  const noDate = new Date(Number.NaN)
  test.each<[string, (client: TaskfoldClient) => Promise<unknown>]>([
    ['a payload that contains itself', (client) => client.submit('a', circle)],
    ['an item of a batch that is no JSON', (client) => client.submitBatch([submission('a', 1n)])],
    ['a key that is no header', (client) => client.submit('a', null, { idempotencyKey: 'a\nb' })],
    ['a trace that is no header', (client) => client.submit('a', null, { traceparent: '🧨' })],
    ['a date that is none', (client) => client.submit('a', null, { runAt: noDate })],
    ['an instant of the past that is none', (client) => client.get('a', { asOf: noDate })],
    ['a filter that is none', (client) => client.list({ submittedAfter: noDate }).next()],
    ['half a character in an id', (client) => client.get('\ud800')],
    ['half a character in the id of a change', (client) => client.cancel('\ud800')],
    ['half a character in the id of a history', (client) => client.events('\ud800').next()],
    ['a deadline below zero', (client) => client.get('a', { deadlineMs: -1 })],
  ])('are refused by an error of the client, and nothing is sent: %s', async (_what, call) => {
    await using server = await startScriptedServer([accepted])
    expect(await errorOf(call(createClient({ url: server.url })))).toMatchObject({ code: 'invalid-request' })
    expect(server.seen).toEqual([])
  })

  test('do not include a reason of a million characters, which the server judges', async () => {
    await using server = await startScriptedServer([accepted])
    await createClient({ url: server.url }).submit('a', null, { reason: 'é'.repeat(1e6) })
    expect(server.seen.length).toBe(1)
  })
})

describe('a deadline', () => {
  test('ends a call whose server says nothing', async () => {
    await using server = await startScriptedServer([silence])
    const error = await errorOf(createClient({ url: server.url, deadlineMs: 100 }).submit('a'))
    expect(error).toMatchObject({ code: 'deadline-exceeded', status: undefined })
  })

  test('ends a call whose answer does not end', async () => {
    await using server = await startScriptedServer([
      (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{'),
    ])
    const error = await errorOf(createClient({ url: server.url }).get('a', { deadlineMs: 100 }))
    expect(error).toMatchObject({ code: 'deadline-exceeded', taskId: 'a' })
  })

  test('ends the repetitions against a server that is away, with the last error', async () => {
    await using server = await startScriptedServer([reset])
    const error = await errorOf(createClient({ url: server.url, deadlineMs: 1_000 }).submit('a'))
    expect(error.code).toBe('connection-failed')
    expect(error.cause).toBeInstanceOf(TypeError)
    expect(server.seen.length).toBeGreaterThan(1)
  })

  test.each([0, -1, Number.NaN])('of %d ms is refused', async (deadlineMs) => {
    await expect(createClient({ url: 'http://127.0.0.1:1' }).get('a', { deadlineMs })).rejects.toMatchObject({
      code: 'invalid-request',
    })
  })
})

describe('a signal', () => {
  test('aborts a call under way, with its own reason', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    await using server = await startScriptedServer([() => abort.abort(reason)])
    await expect(createClient({ url: server.url }).submit('a', null, { signal: abort.signal })).rejects.toBe(reason)
  })

  test('aborts a call that waits to be repeated', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    await using server = await startScriptedServer([
      (socket, request) => {
        problem(503, 'overloaded', {}, { 'retry-after': '60' })(socket, request)
        setTimeout(() => abort.abort(reason), 50)
      },
    ])
    const call = createClient({ url: server.url }).submit('a', null, { signal: abort.signal, deadlineMs: 120_000 })
    await expect(call).rejects.toBe(reason)
    expect(server.seen.length).toBe(1)
  })

  test('that was aborted before sends nothing', async () => {
    await using server = await startScriptedServer([accepted])
    const signal = AbortSignal.abort(new Error('before'))
    await expect(createClient({ url: server.url }).submit('a', null, { signal })).rejects.toThrow('before')
    expect(server.seen).toEqual([])
  })
})

describe('a change that is no submission', () => {
  test.each(['retry', 'runNow'] as const)('%s is not sent again once it may have been done', async (change) => {
    await using server = await startScriptedServer([reset, answer(200, taskOf())])
    const error = await errorOf(createClient({ url: server.url })[change]('x'))
    expect(error).toMatchObject({ code: 'connection-failed', taskId: 'x' })
    expect(server.seen.length).toBe(1)
  })

  test.each(['retry', 'runNow'] as const)(
    '%s is sent again when the first was refused before any write',
    async (change) => {
      await using server = await startScriptedServer([problem(503, 'overloaded', {}, noWait), answer(200, taskOf())])
      expect(await createClient({ url: server.url })[change]('x')).toEqual(taskOf())
      expect(server.seen.length).toBe(2)
    },
  )

  test('cancel is sent again, since it changes nothing the second time', async () => {
    await using server = await startScriptedServer([reset, answer(200, taskOf({ status: 'CANCELLED' }))])
    expect(await createClient({ url: server.url }).cancel('x')).toMatchObject({ status: 'CANCELLED' })
  })

  test('fails with connection-failed when no server listens', async () => {
    const place = await startScriptedServer([silence])
    await place[Symbol.asyncDispose]()
    const error = await errorOf(createClient({ url: place.url, deadlineMs: 600 }).retry('x'))
    expect(error).toMatchObject({ code: 'connection-failed', message: expect.stringContaining('ECONNREFUSED') })
  })
})
