import { afterEach, describe, expect, test } from 'vitest'
import {
  type EventStore,
  StoreOverloadedError,
  StoreUnavailableError,
  UnstorableAppendError,
} from '#application/ports/events/event-store.ts'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let world: HttpWorld | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

/** A store in memory, some methods of which `broken` replaces. */
const serve = async (broken: (store: EventStore) => Partial<EventStore>): Promise<HttpWorld> => {
  world = await createHttpWorld({ wrapStore: (store) => ({ ...store, ...broken(store) }) })
  return world
}

const anyTask = '/api/tasks/019b76da-a800-7c3e-8f6e-2f1d9c0b5a41'

describe('a store that falls silent while it stores a task', () => {
  test('gives the client the id to ask for', async () => {
    const { post, inject } = await serve((store) => ({
      append: async (append) => {
        await store.append(append)
        throw new StoreUnavailableError('gone', 'unknown')
      },
    }))
    const refused = await post('/api/tasks', '{"type":"a"}')
    expect(refused.statusCode).toBe(503)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    const problem = refused.json()
    expect(problem).toMatchObject({ code: 'store-unavailable', taskId: expect.any(String) })
    expect((await inject(`/api/tasks/${problem.taskId}`)).json()).toMatchObject({ id: problem.taskId, type: 'a' })
  })
})

describe('a store that does not answer', () => {
  const away = (): Promise<never> => Promise.reject(new StoreUnavailableError('secret host', 'not-stored'))

  test('makes every endpoint answer 503, without an address of the store', async () => {
    const { post, inject } = await serve(() => ({
      append: away,
      loadStream: away,
      loadStreams: away,
      loadOutlines: away,
    }))
    const answers = [await post('/api/tasks', '{"type":"a"}'), await inject(anyTask), await inject(`${anyTask}/events`)]
    answers.push(await inject('/api/tasks'), await post(`${anyTask}/cancel`, '{}'))
    for (const answer of answers) {
      expect(answer.statusCode).toBe(503)
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.headers['retry-after']).toBeDefined()
      expect(answer.json()).toMatchObject({ code: 'store-unavailable', errors: [], traceId: null })
      expect(answer.json()).not.toHaveProperty('taskId')
      expect(answer.body).not.toContain('secret')
    }
  })
})

test('a store that is read-only is told as such', async () => {
  const { post } = await serve(() => ({
    append: () => Promise.reject(new StoreUnavailableError('secret host', 'not-stored', { state: 'read-only' })),
  }))
  const refused = await post('/api/tasks', '{"type":"a"}')
  expect(refused.statusCode).toBe(503)
  expect(refused.json().detail).toBe('The store is read-only and takes no writes; nothing was changed.')
})

test('a store with too much to do makes the answer overloaded', async () => {
  const { post } = await serve(() => ({ append: () => Promise.reject(new StoreOverloadedError('full')) }))
  const refused = await post('/api/tasks', '{"type":"a"}')
  expect([refused.statusCode, refused.json().code]).toStrictEqual([503, 'overloaded'])
  expect(refused.headers['retry-after']).toBeDefined()
})

test('what a store can never hold is a fault of the request, wherever it was sent', async () => {
  const { post, inject } = await serve((store) => ({
    append: (append) =>
      append.events[0]?.type === 'Submitted' && append.head.priority === 0
        ? store.append(append)
        : Promise.reject(new UnstorableAppendError('a number is out of range')),
  }))
  const { id } = (await post('/api/tasks', '{"type":"a"}')).json()
  const answers = [await post('/api/tasks', '{"type":"a","priority":1}'), await post(`/api/tasks/${id}/cancel`, '{}')]
  for (const answer of answers) {
    expect([answer.statusCode, answer.json()]).toMatchObject([
      422,
      { code: 'validation-failed', errors: [{ pointer: '', message: 'a number is out of range' }] },
    ])
  }
  const batch = await post('/api/tasks/batch', '{"tasks":[{"type":"a","priority":1},{"type":"a"}]}')
  expect(batch.json().results).toMatchObject([{ status: 422, problem: { code: 'validation-failed' } }, { status: 202 }])
  expect((await inject(`/api/tasks/${id}`)).json()).toMatchObject({ status: 'PENDING' })
})

describe('a history that a later release has written to', () => {
  test('is 503 with the id of its task, and nothing of it, whatever is asked of the task', async () => {
    const { post, inject, memory } = await serve(() => ({}))
    const { id } = (await post('/api/tasks', '{"type":"a"}')).json()
    memory.database.undecodable.add(id)
    const task = `/api/tasks/${id}`
    const answers = [await inject(task), await inject(`${task}/events`), await inject(`${task}/explain`)]
    answers.push(await inject(`${task}?asOfVersion=1`), await post(`${task}/cancel`, '{}'), await inject('/api/events'))
    for (const answer of answers) {
      expect([answer.statusCode, answer.json()]).toMatchObject([503, { code: 'history-unreadable', taskId: id }])
    }
  })

  test('keeps no other task out of a list', async () => {
    const { post, inject, memory } = await serve(() => ({}))
    const ids = [await post('/api/tasks', '{"type":"a"}'), await post('/api/tasks', '{"type":"a"}')].map(
      (answer) => answer.json().id,
    )
    memory.database.undecodable.add(ids[0])
    const { items } = (await inject('/api/tasks?type=a')).json()
    expect(items.map((item: { id: string }) => item.id)).toEqual([ids[1]])
  })
})

test.each([new RangeError('secret bytes'), new TypeError('secret bug')])(
  'an unforeseen error is a clean 500, and is logged: %s',
  async (error) => {
    const { inject, memory } = await serve(() => ({ loadStream: () => Promise.reject(error) }))
    const headers = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }
    const failed = await inject({ url: anyTask, headers })
    expect(failed.statusCode).toBe(500)
    expect(failed.json()).toStrictEqual({
      type: 'urn:taskfold:problem:internal-error',
      title: 'The server failed',
      status: 500,
      detail: 'Something that was not foreseen went wrong; it was logged.',
      code: 'internal-error',
      errors: [],
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    })
    expect(memory.logger.lines.filter((line) => line.level === 'error')).toHaveLength(1)
  },
)

describe('readiness', () => {
  test.each([
    [[], 200, 'ready'],
    [[{ name: 'postgres', ok: true, message: 'fine' }], 200, 'ready'],
    [
      [
        { name: 'postgres', ok: false, message: 'silent' },
        { name: 'pull', ok: true, message: 'fine' },
      ],
      503,
      'not-ready',
    ],
  ] as const)('with %j is %i', async (checks, statusCode, status) => {
    world = await createHttpWorld({ checks })
    const answer = await world.inject('/readyz?verbose')
    expect(answer.statusCode).toBe(statusCode)
    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    expect(answer.json()).toStrictEqual({ status, checks })
  })
})
