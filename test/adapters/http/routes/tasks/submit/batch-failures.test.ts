import { afterEach, describe, expect, test } from 'vitest'
import { type EventStore, StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { makeName, range } from '../../../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../../../support/http-world.ts'

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

interface Result {
  readonly status: number
  readonly task: { readonly id: string }
  readonly problem: { readonly code: string; readonly taskId?: string }
}

const bodyOf = (tasks: readonly unknown[]): string => JSON.stringify({ tasks })
const away = new StoreUnavailableError('gone', 'not-stored')
const silent = new StoreUnavailableError('gone', 'unknown')

/** Appends of which the first is stored, the second is stored without an answer, and the others are not. */
const fallSilent = (store: EventStore): Pick<EventStore, 'append'> => {
  let appends = 0
  return {
    append: async (append) => {
      const place = (appends += 1)
      if (place > 2) throw away
      const verdict = await store.append(append)
      if (place === 2) throw silent
      return verdict
    },
  }
}

describe('a store that falls silent in the midst of a batch', () => {
  test('gives stored tasks, tasks of unknown fate and others different results', async () => {
    const { post, inject } = await serve(fallSilent)
    const answer = await post('/api/tasks/batch', bodyOf([{ type: 'a' }, { type: 'b' }, { type: 'c' }, { type: '' }]))
    expect(answer.statusCode).toBe(200)
    const results: readonly Result[] = answer.json().results
    expect(results.map(({ status }) => status)).toStrictEqual([202, 503, 503, 422])
    expect(results[1]?.problem).toMatchObject({ code: 'store-unavailable', taskId: expect.any(String) })
    expect(results[2]?.problem).toMatchObject({ code: 'store-unavailable' })
    expect(results[2]?.problem).not.toHaveProperty('taskId')
    const stored = (await inject('/api/tasks')).json().items.map(({ id }: { id: string }) => id)
    expect(stored).toStrictEqual([results[1]?.problem.taskId, results[0]?.task.id])
  })

  test('is safe to repeat when the tasks have keys', async () => {
    const { post, inject } = await serve((store) => {
      const broken = fallSilent(store)
      let left = 4
      return { append: (append) => ((left -= 1) >= 0 ? broken.append(append) : store.append(append)) }
    })
    const body = bodyOf(range(4).map((payload) => ({ type: 'a', payload, idempotencyKey: makeName() })))
    const first: readonly Result[] = (await post('/api/tasks/batch', body)).json().results
    const again: readonly Result[] = (await post('/api/tasks/batch', body)).json().results
    expect(first.map(({ status }) => status)).toStrictEqual([202, 503, 503, 503])
    expect(again.map(({ status }) => status)).toStrictEqual([202, 202, 202, 202])
    expect(again[0]?.task.id).toBe(first[0]?.task.id)
    expect(again[1]?.task.id).toBe(first[1]?.problem.taskId)
    expect((await inject('/api/tasks')).json().items).toHaveLength(4)
  })
})

test.each([
  [away, 'store-unavailable'],
  [new StoreOverloadedError('full'), 'overloaded'],
])('a batch of which the store took nothing is refused as a whole: %s', async (error, code) => {
  const { post } = await serve(() => ({ append: () => Promise.reject(error) }))
  const answer = await post('/api/tasks/batch', bodyOf([{ type: 'a' }, { type: '' }, { type: 'b' }]))
  expect([answer.statusCode, answer.json().code]).toStrictEqual([503, code])
  expect(answer.headers['retry-after']).toBeDefined()
  expect(answer.json()).not.toHaveProperty('taskId')
})

test('a batch of unknown fate has a result for each task', async () => {
  const { post } = await serve(() => ({ append: () => Promise.reject(silent) }))
  const { results } = (await post('/api/tasks/batch', bodyOf([{ type: 'a' }, { type: 'b' }]))).json()
  expect(results).toMatchObject([
    { status: 503, problem: { taskId: expect.any(String) } },
    { status: 503, problem: { taskId: expect.any(String) } },
  ])
})

test('an earlier task that cannot be read spoils only its own result', async () => {
  const { post, memory } = await serve(() => ({ loadStreams: () => Promise.reject(new TypeError('a bug')) }))
  const tasks = [{ type: 'a', idempotencyKey: 'k' }, { type: 'b' }]
  await post('/api/tasks/batch', bodyOf(tasks))
  const { results } = (await post('/api/tasks/batch', bodyOf(tasks))).json()
  expect(results).toMatchObject([{ status: 500, problem: { code: 'internal-error' } }, { status: 202 }])
  expect(memory.logger.lines.filter((line) => line.level === 'error')).toHaveLength(1)
})

test('an atomic batch of unknown fate names one task that tells the fate of all', async () => {
  const { post, inject } = await serve((store) => ({
    appendAll: async (appends) => {
      await store.appendAll(appends)
      throw silent
    },
  }))
  const tasks = [{ type: 'a', idempotencyKey: 'k' }, { type: 'b' }]
  const answer = await post('/api/tasks/batch?atomic=true', bodyOf(tasks))
  expect(answer.statusCode).toBe(503)
  const { taskId } = answer.json()
  expect((await inject(`/api/tasks/${taskId}`)).json()).toMatchObject({ id: taskId, type: 'b' })
})
