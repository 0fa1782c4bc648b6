import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseIncarnation, parseTaskId } from '#domain/identifiers.ts'
import { createHttpWorld, type HttpWorld } from '../../support/http-world.ts'

let world: HttpWorld
beforeEach(async () => {
  world = await createHttpWorld()
})
afterEach(() => world.close())

const incarnation = parseIncarnation('3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90')
const startedAt = '2026-01-01T00:00:00.000Z'
const error = { name: 'E', message: 'm' }

const submit = async (body = '{"type":"a"}'): Promise<ReturnType<typeof parseTaskId>> =>
  parseTaskId((await world.post('/api/tasks', body)).json().id)

const start = (taskId: ReturnType<typeof parseTaskId>) =>
  world.work(taskId, (now) => ({ type: 'Start', incarnation, now }))

/** A task with four events, a second apart: submitted, started, failed, retried. */
const retrying = async (): Promise<ReturnType<typeof parseTaskId>> => {
  const taskId = await submit('{"type":"a","retry":{"jitter":"none","baseMs":5000}}')
  await world.memory.advance(1_000)
  await start(taskId)
  await world.memory.advance(1_000)
  const cause = 'handler-error'
  await world.work(taskId, () => ({ type: 'Fail', run: 2, cause, error, ending: 'thrown', random: 0 }))
  return taskId
}

describe('a task as of a version', () => {
  test.each([
    [1, { status: 'PENDING', detail: 'ready', version: 1, attempt: 0 }],
    [2, { status: 'PROCESSING', detail: 'running', version: 2, attempt: 1, startedAt: '2026-01-01T00:00:01.000Z' }],
    [3, { status: 'PENDING', detail: 'retrying', version: 3 }],
    [4, { status: 'PENDING', detail: 'retrying', version: 4, runAt: '2026-01-01T00:00:07.000Z' }],
  ])('%i is the fold of so many events', async (version, expected) => {
    const taskId = await retrying()
    await world.memory.advance(60_000)
    const answer = await world.inject(`/api/tasks/${taskId}?asOfVersion=${version}`)
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['etag']).toBe(`"${version}"`)
    expect(answer.json()).toMatchObject(expected)
  })

  test.each([
    ['asOfVersion=0', 'not-yet-submitted'],
    ['asOfVersion=5', 'version-not-found'],
    ['asOfVersion=999999999999999', 'version-not-found'],
    ['asOf=2025-12-31T23:59:59.999Z', 'not-yet-submitted'],
    ['asOf=0000-01-01T00:00:00Z', 'not-yet-submitted'],
  ])('or an instant without a task is not found: %s', async (query, code) => {
    const answer = await world.inject(`/api/tasks/${await retrying()}?${query}`)
    expect([answer.statusCode, answer.json().code]).toStrictEqual([404, code])
  })

  test.each(['asOfVersion=1', 'asOf=2026-01-01T00:00:00Z', 'wait=1s'])(
    'of an unknown task is not found: %s',
    async (query) => {
      const answer = await world.inject(`/api/tasks/019b76da-a800-7c3e-8f6e-2f1d9c0b5a41?${query}`)
      expect([answer.statusCode, answer.json().code]).toStrictEqual([404, 'task-not-found'])
    },
  )
})

describe('a task as of an instant', () => {
  test.each([
    ['2026-01-01T00:00:00Z', { status: 'PENDING', detail: 'ready', version: 1 }],
    ['2026-01-01T01:00:00.999+01:00', { status: 'PENDING', version: 1 }],
    ['2026-01-01T00:00:01Z', { status: 'PROCESSING', version: 2 }],
    ['2026-01-01T00:00:06.999Z', { detail: 'retrying', version: 4 }],
    ['2026-01-01T00:00:07Z', { detail: 'ready', version: 4 }],
    ['2099-01-01T00:00:00Z', { detail: 'ready', version: 4 }],
  ])('%s is judged at that instant', async (instant, expected) => {
    const taskId = await retrying()
    await world.memory.advance(60_000)
    const answer = await world.inject(`/api/tasks/${taskId}?asOf=${encodeURIComponent(instant)}`)
    expect(answer.json()).toMatchObject(expected)
  })

  test('in the future is the present', async () => {
    const answer = await world.inject(`/api/tasks/${await retrying()}?asOf=2099-01-01T00:00:00Z`)
    expect(answer.json()).toMatchObject({ status: 'PENDING', detail: 'retrying' })
  })
})

describe('a query', () => {
  test.each([
    ['wait=10', ['/query/wait']],
    ['wait=', ['/query/wait']],
    ['wait=61s', ['/query/wait']],
    ['wait=-1s', ['/query/wait']],
    ['wait=1.5s', ['/query/wait']],
    ['wait=500ms', ['/query/wait']],
    ['wait=1m', ['/query/wait']],
    ['wait=010s', ['/query/wait']],
    ['wait=10S', ['/query/wait']],
    ['wait=10s&wait=10s', ['/query/wait']],
    ['asOfVersion=-1', ['/query/asOfVersion']],
    ['asOfVersion=1.0', ['/query/asOfVersion']],
    ['asOfVersion=', ['/query/asOfVersion']],
    ['asOf=1', ['/query/asOf']],
    ['asOf=x&asOfVersion=x', ['/query/asOfVersion', '/query/asOf', '/query/asOfVersion', '/query/asOf']],
    ['asOf=2026-01-01T00:00:00Z&asOfVersion=1', ['/query/asOfVersion', '/query/asOf']],
    ['wait=1s&asOfVersion=1', ['/query/wait']],
    ['as_of=1', ['/query/as_of']],
  ])('that is not documented is refused: %s', async (query, pointers) => {
    const answer = await world.inject(`/api/tasks/${await submit()}?${query}`)
    expect(answer.statusCode).toBe(422)
    const { errors }: { readonly errors: readonly { readonly pointer: string }[] } = answer.json()
    expect(new Set(errors.map(({ pointer }) => pointer))).toStrictEqual(new Set(pointers))
  })
})

describe('waiting for the end', () => {
  const wait = async (taskId: string, query = 'wait=60s') => world.inject(`/api/tasks/${taskId}?${query}`)

  /** Resolves when the server waits: for its time to be over, and for the next poll. */
  const begun = () => expect.poll(() => world.memory.time.pendingTimers()).toBeGreaterThan(1)

  test('is over at once for a task that has ended', async () => {
    const taskId = await submit()
    await world.post(`/api/tasks/${taskId}/cancel`, '{}')
    const answer = await world.inject(`/api/tasks/${taskId}?wait=60s`)
    expect(answer.json()).toMatchObject({ status: 'CANCELLED' })
  })

  test('is over when the task ends', async () => {
    const taskId = await submit()
    const answer = wait(taskId)
    await begun()
    await start(taskId)
    await world.work(taskId, () => ({ type: 'Succeed', run: 2, result: '{"a":1}' }))
    await world.memory.advance(1_000)
    expect((await answer).json()).toMatchObject({ status: 'SUCCESS', result: { a: 1 }, version: 3 })
    expect((await answer).headers['etag']).toBe('"3"')
  })

  test('is over when its time is, with the task as it stands', async () => {
    const taskId = await submit()
    const answer = wait(taskId, 'wait=2s')
    await begun()
    await world.memory.advance(2_000)
    expect((await answer).json()).toMatchObject({ status: 'PENDING', submittedAt: startedAt })
  })

  test('is over when the server closes, with the task as it stands', async () => {
    const taskId = await submit()
    const { url } = await world.server.listen('127.0.0.1', 0)
    const answer = fetch(`${url}/api/tasks/${taskId}?wait=60s`)
    await begun()
    const closed = world.server.close()
    expect(await (await answer).json()).toMatchObject({ id: taskId, status: 'PENDING' })
    await closed
  })

  test('stops when the client has gone', async () => {
    const taskId = await submit()
    const { url } = await world.server.listen('127.0.0.1', 0)
    const before = world.memory.time.pendingTimers()
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
    await once(socket, 'connect')
    socket.write(`GET /api/tasks/${taskId}?wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await expect.poll(() => world.memory.time.pendingTimers()).toBe(before + 2)
    socket.destroy()
    // A wait has a timer that ends it and polls that serve it. All but one poll are gone before the clock advances.
    await expect.poll(() => world.memory.time.pendingTimers()).toBe(before + 1)
    await world.memory.advance(250)
    expect(world.memory.time.pendingTimers()).toBe(before)
  })
})

describe('progress', () => {
  test('is the last report of the handler, to the letter', async () => {
    const taskId = await submit()
    expect((await world.inject(`/api/tasks/${taskId}`)).json().progress).toBeNull()
    await start(taskId)
    const value = '{"done":3,"of":10,"__proto__":"😀"}'
    await world.memory.progress.write([{ taskId, run: 2, value }])
    expect((await world.inject(`/api/tasks/${taskId}`)).body).toContain(`"progress":${value},`)
    expect((await world.inject('/api/tasks')).json().items[0].progress).toBeNull()
  })
})
