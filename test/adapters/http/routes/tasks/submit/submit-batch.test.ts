import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeName, range } from '../../../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../../../support/http-world.ts'

let world: HttpWorld
beforeAll(async () => {
  const defaultsOf = () => ({ retry: { strategy: 'fixed', baseMs: 700, maxMs: 900, jitter: 'none' } as const })
  world = await createHttpWorld({ defaultsOf })
})
afterAll(() => world.close())

const submit = (tasks: readonly unknown[], query = '') =>
  world.post(`/api/tasks/batch${query}`, JSON.stringify({ tasks }))
const countOf = async (type: string): Promise<number> =>
  (await world.inject(`/api/tasks?type=${type}&limit=200`)).json().items.length
const heavy = { payload: 'a'.repeat(262_144) }

describe('a batch', () => {
  test('has a result for each task, in the order given', async () => {
    const type = makeName()
    const tasks = [{ type, payload: 0 }, { type, priority: 101, x: 1 }, null, { type, ...heavy }, { type, payload: 4 }]
    const answer = await submit(tasks)
    expect(answer.statusCode).toBe(200)
    const { results } = answer.json()
    expect(results.map(({ status }: { status: number }) => status)).toStrictEqual([202, 422, 422, 413, 202])
    expect(results[1].problem).toMatchObject({ status: 422, code: 'validation-failed', traceId: null })
    expect(results[1].problem.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toStrictEqual([
      '/priority',
      '/x',
    ])
    expect(results[2].problem.errors).toMatchObject([{ pointer: '' }])
    expect(results[3].problem).toMatchObject({ status: 413, code: 'payload-too-large' })
    for (const place of [0, 4]) {
      const { task } = results[place]
      expect(task.payload).toBe(place)
      expect((await world.inject(`/api/tasks/${task.id}`)).json()).toStrictEqual(task)
    }
    expect(await countOf(type)).toBe(2)
  })

  test('may have a thousand tasks and eight mebibytes, and hints at each task', async () => {
    const type = makeName()
    const payload = 'a'.repeat(8_000)
    const { results } = (await submit(range(1_000).map((n) => ({ type, payload, tags: [`${n}`] })))).json()
    expect(results.map(({ task }: { task: { tags: string[] } }) => task.tags[0])).toStrictEqual(
      range(1_000).map(String),
    )
    await world.memory.advance(1)
    expect(await world.memory.queue.size({ queue: '*', type })).toBe(1_000)
  })

  test('records the actor, the reason and the trace with each task', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const body = '{"tasks":[{"type":"a"},{"type":1}]}'
    const answer = await world.post('/api/tasks/batch', body, { 'x-actor': 'ada', 'x-reason': 'moving', traceparent })
    const [stored, refused] = answer.json().results
    expect(refused.problem.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736')
    const { items } = (await world.inject(`/api/tasks/${stored.task.id}/events`)).json()
    expect(items).toMatchObject([{ actor: 'ada', reason: 'moving', traceId: '4bf92f3577b34da6a3ce929d0e0e4736' }])
  })

  test('answers with the earlier tasks of keys that were used before, alone or in a batch', async () => {
    const [type, key, other] = [makeName(), makeName(), makeName()]
    const alone = await world.post('/api/tasks', JSON.stringify({ type, payload: 1 }), { 'idempotency-key': key })
    const tasks = [
      { payload: 1, idempotencyKey: key, type },
      { type, idempotencyKey: other },
    ]
    const [met, made] = (await submit(tasks)).json().results
    expect(met).toStrictEqual({ status: 202, task: alone.json() })
    const again = (await submit([...tasks, { type, payload: 2, idempotencyKey: key }])).json().results
    expect(again.slice(0, 2)).toStrictEqual([met, made])
    expect(again[2]).toMatchObject({ status: 422, problem: { code: 'idempotency-key-reused', status: 422 } })
    const after = await world.post('/api/tasks', JSON.stringify({ type }), { 'idempotency-key': other })
    expect(after.headers['idempotency-replayed']).toBe('true')
    expect(after.json().id).toBe(made.task.id)
    expect(await countOf(type)).toBe(2)
  })

  test('stores the first of equal keys', async () => {
    const [type, idempotencyKey] = [makeName(), makeName()]
    const task = { type, payload: 1, idempotencyKey }
    const { results } = (await submit([task, { ...task, payload: 2 }, task, { ...task, payload: 3 }])).json()
    expect(results.map(({ status }: { status: number }) => status)).toStrictEqual([202, 422, 202, 422])
    expect(results[2]).toStrictEqual(results[0])
    expect(await countOf(type)).toBe(1)
  })

  test('is refused with an Idempotency-Key header', async () => {
    const answer = await world.post('/api/tasks/batch', '{"tasks":[{"type":"a"}]}', { 'idempotency-key': 'a' })
    expect([answer.statusCode, answer.json().code]).toStrictEqual([400, 'invalid-header'])
  })

  test('has a bounded answer, however many faults there are', async () => {
    const many = Object.fromEntries(range(900).map((n) => [`x${n}`, 1]))
    const answer = await submit(range(1_000).map(() => many))
    expect(answer.statusCode).toBe(200)
    expect(answer.body.length).toBeLessThan(8_388_608)
    expect(answer.json().results[0].problem.detail).toBe('901 faults in the request, 881 not listed')
  })
})

describe('a batch that is more than it looks', () => {
  test('is refused when its payloads weigh more as they are kept than a batch may', async () => {
    const numbers = `[${range(11_000)
      .map(() => '1e20')
      .join()}]`
    const item = `{"type":"a","payload":${numbers}}`
    const answer = await world.post(
      '/api/tasks/batch',
      `{"tasks":[${range(40)
        .map(() => item)
        .join()}]}`,
    )
    expect([answer.statusCode, answer.json().code]).toStrictEqual([413, 'payload-too-large'])
  })

  test('refuses a task alone that holds more values than a payload can', async () => {
    const body = `{"tasks":[{"type":"a","payload":[${'[],'.repeat(200_000)}1]},{"type":"a"}]}`
    const { results } = (await world.post('/api/tasks/batch', body)).json()
    expect(results.map(({ status }: { status: number }) => status)).toStrictEqual([413, 202])
  })

  test('with a task that is no JSON is no JSON', async () => {
    const answer = await world.post('/api/tasks/batch', '{"tasks":[{"type":"a"},{"type":a}]}')
    expect([answer.statusCode, answer.json().code]).toStrictEqual([400, 'malformed-json'])
  })

  test('lets other requests in while it is judged', async () => {
    const payload = Object.fromEntries(range(10_000).map((n) => [`k${n}`, n]))
    const order: string[] = []
    const batch = submit(range(25).map(() => ({ type: 'a', payload }))).then(() => order.push('batch'))
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    const single = world.post('/api/tasks', '{"type":"a"}').then(() => order.push('single'))
    await Promise.all([batch, single])
    expect(order).toStrictEqual(['single', 'batch'])
  })
})

describe('an atomic batch', () => {
  test('stores all of its tasks', async () => {
    const type = makeName()
    const { results } = (
      await submit(
        range(150).map((n) => ({ type, payload: n })),
        '?atomic=true',
      )
    ).json()
    expect(results.map(({ task }: { task: { payload: number } }) => task.payload)).toStrictEqual(range(150))
    expect(await countOf(type)).toBe(150)
    await world.memory.advance(1)
    expect(await world.memory.queue.size({ queue: '*', type })).toBe(150)
  })

  test('stores none when one does not fit, and points to each fault', async () => {
    const type = makeName()
    const tasks = [{ type }, { type, priority: 101 }, { type, ...heavy }, { queue: '' }]
    const answer = await submit(tasks, '?atomic=true')
    expect([answer.statusCode, answer.json().code]).toStrictEqual([422, 'validation-failed'])
    expect(answer.json().errors.map(({ pointer }: { pointer: string }) => pointer)).toStrictEqual([
      '/tasks/1/priority',
      '/tasks/2/payload',
      '/tasks/3/type',
      '/tasks/3/queue',
    ])
    const heavyOnly = await submit([{ type }, { type, ...heavy }], '?atomic=true')
    expect([heavyOnly.statusCode, heavyOnly.json().code]).toStrictEqual([413, 'payload-too-large'])
    expect(heavyOnly.json().errors).toMatchObject([{ pointer: '/tasks/1/payload' }])
    const retry = await submit([{ type }, { type, retry: { maxMs: 1 } }], '?atomic=true')
    expect([retry.statusCode, retry.json().errors[0].pointer]).toStrictEqual([422, '/tasks/1/retry/maxMs'])
    expect(await countOf(type)).toBe(0)
  })

  test('stores none when a key was used for another request', async () => {
    const [type, key, free] = [makeName(), makeName(), makeName()]
    await submit([{ type, idempotencyKey: key }])
    const tasks = [
      { type, idempotencyKey: free },
      { type, payload: 1, idempotencyKey: key },
    ]
    const answer = await submit(tasks, '?atomic=true')
    expect([answer.statusCode, answer.json().code]).toStrictEqual([422, 'idempotency-key-reused'])
    expect(answer.json().errors).toMatchObject([{ pointer: '/tasks/1/idempotencyKey' }])
    expect(await countOf(type)).toBe(1)
  })

  test('that is repeated makes no second tasks', async () => {
    const type = makeName()
    const tasks = range(10).map((payload) => ({ type, payload, idempotencyKey: makeName() }))
    const first = await submit(tasks, '?atomic=true')
    expect((await submit(tasks, '?atomic=true')).json()).toStrictEqual(first.json())
    expect(await countOf(type)).toBe(10)
  })
})
