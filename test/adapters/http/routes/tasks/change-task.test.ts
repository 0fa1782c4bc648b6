import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseIncarnation, parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { createHttpWorld, type HttpWorld } from '../../support/http-world.ts'

let world: HttpWorld
beforeAll(async () => {
  world = await createHttpWorld()
})
afterAll(() => world.close())

const incarnation = parseIncarnation('3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90')

const submit = async (more: object = {}): Promise<TaskId> => {
  const submitted = await world.post('/api/tasks', JSON.stringify({ type: 'a', ...more }))
  return parseTaskId(submitted.json().id)
}

const running = async (more?: object): Promise<TaskId> => {
  const taskId = await submit(more)
  await world.work(taskId, (now) => ({ type: 'Start', incarnation, now }))
  return taskId
}

const succeeded = async (): Promise<TaskId> => {
  const taskId = await running()
  await world.work(taskId, () => ({ type: 'Succeed', run: 2, result: '{"done":true}' }))
  return taskId
}

const failed = async (more: object = { maxAttempts: 1 }): Promise<TaskId> => {
  const taskId = await running(more)
  const causes = [{ name: 'TypeError', message: 'connection refused', code: 'ECONNREFUSED', stack: 'secret' }]
  const error = { name: 'Error', message: 'no luck', stack: 'secret', causes }
  const failure = { type: 'Fail', run: 2, cause: 'handler-error', error, ending: 'thrown', random: 0.5 } as const
  await world.work(taskId, () => failure)
  return taskId
}

const ask = (taskId: string, what: string, headers: Readonly<Record<string, string>> = {}) =>
  world.inject({ method: 'POST', url: `/api/tasks/${taskId}/${what}`, headers })

const eventsOf = async (taskId: TaskId): Promise<readonly { readonly type: string }[]> =>
  (await world.inject(`/api/tasks/${taskId}/events`)).json().items

describe('retry', () => {
  test('opens a failed task again, and records who asked and why', async () => {
    const taskId = await failed()
    const failure = (await world.inject(`/api/tasks/${taskId}`)).json()
    expect(failure).toMatchObject({ status: 'FAILED', detail: 'attempts-exhausted', attempt: 1 })
    expect(failure.error).toStrictEqual({
      name: 'Error',
      message: 'no luck',
      code: null,
      causes: [{ name: 'TypeError', message: 'connection refused', code: 'ECONNREFUSED' }],
      cause: 'handler-error',
      attempt: 1,
    })
    const retried = await world.post(`/api/tasks/${taskId}/retry`, '{"reason":"fixed 🎉"}', {
      'x-actor': 'Ada',
      'x-reason': 'left aside for the one in the body',
    })
    expect(retried.statusCode).toBe(200)
    expect(retried.json()).toMatchObject({
      status: 'PENDING',
      detail: 'ready',
      attempt: 1,
      version: 4,
      finishedAt: null,
    })
    expect((await eventsOf(taskId)).at(-1)).toMatchObject({
      type: 'Retried',
      data: { delayMs: 0, reopened: true },
      actor: 'Ada',
      reason: 'fixed 🎉',
      stateAfter: { status: 'PENDING', detail: 'ready', attempt: 1 },
    })
  })

  test('of a task that has not ended, or succeeded, is a conflict', async () => {
    for (const taskId of [await submit(), await running(), await succeeded()]) {
      const refused = await ask(taskId, 'retry')
      expect([refused.statusCode, refused.json().code]).toStrictEqual([409, 'not-retryable'])
    }
  })
})

describe('cancel', () => {
  test('ends a pending task at once, and again changes nothing', async () => {
    const taskId = await submit()
    expect((await ask(taskId, 'cancel')).json()).toMatchObject({ status: 'CANCELLED', version: 2 })
    const again = await ask(taskId, 'cancel')
    expect(again.statusCode).toBe(200)
    expect(again.json()).toMatchObject({ status: 'CANCELLED', version: 2 })
  })

  test('of a running task is accepted while it is cancelling', async () => {
    const taskId = await running()
    for (const _ of [1, 2]) {
      const asked = await ask(taskId, 'cancel')
      expect(asked.statusCode).toBe(202)
      expect(asked.json()).toMatchObject({ status: 'PROCESSING', detail: 'cancelling', version: 3 })
    }
  })

  test('of a task that ended otherwise is a conflict', async () => {
    for (const taskId of [await succeeded(), await failed()]) {
      const refused = await ask(taskId, 'cancel')
      expect([refused.statusCode, refused.json().code]).toStrictEqual([409, 'not-cancellable'])
    }
  })
})

describe('run-now', () => {
  test('makes a scheduled task ready, and leaves a ready one as it is', async () => {
    const taskId = await submit({ delayMs: 60_000 })
    for (const _ of [1, 2]) {
      const asked = await ask(taskId, 'run-now')
      expect(asked.statusCode).toBe(200)
      expect(asked.json()).toMatchObject({ status: 'PENDING', detail: 'ready', version: 2 })
    }
    expect((await eventsOf(taskId)).at(-1)).toMatchObject({ type: 'Rescheduled', data: { delayMs: 0 } })
  })

  test('makes a retrying task ready', async () => {
    const taskId = await failed({ retry: { baseMs: 60_000, jitter: 'none' } })
    expect((await world.inject(`/api/tasks/${taskId}`)).json()).toMatchObject({ detail: 'retrying' })
    expect((await ask(taskId, 'run-now')).json()).toMatchObject({ detail: 'ready' })
    expect((await eventsOf(taskId)).map((event) => event.type)).toStrictEqual([
      'Submitted',
      'Started',
      'Failed',
      'Retried',
      'Rescheduled',
    ])
  })

  test('of a task that does not wait is a conflict', async () => {
    for (const taskId of [await running(), await succeeded()]) {
      const refused = await ask(taskId, 'run-now')
      expect([refused.statusCode, refused.json().code]).toStrictEqual([409, 'not-runnable'])
    }
  })
})

describe('If-Match', () => {
  test.each(['"1"', '*', '"7", "1"', 'W/"9" , "1"'])('%s lets a change of version 1 pass', async (ifMatch) => {
    expect((await ask(await submit(), 'cancel', { 'if-match': ifMatch })).statusCode).toBe(200)
  })

  test.each(['"2"', '"2", "3"', 'W/"1"', '"01"', '"abc"', '""'])('%s refuses it', async (ifMatch) => {
    const taskId = await submit()
    const refused = await ask(taskId, 'cancel', { 'if-match': ifMatch })
    expect([refused.statusCode, refused.json().code]).toStrictEqual([412, 'version-mismatch'])
    expect(await eventsOf(taskId)).toHaveLength(1)
  })

  test.each(['1', '"1', '"1" "2"', '"1",', ','])('%s is malformed', async (ifMatch) => {
    const refused = await ask(await submit(), 'cancel', { 'if-match': ifMatch })
    expect([refused.statusCode, refused.json().code]).toStrictEqual([400, 'invalid-header'])
  })
})

describe('a task that is not there', () => {
  test.each(['019b76da-a800-7c3e-8f6e-2f1d9c0b5a41', 'x', '%00', 'a'.repeat(500)])(
    'is not found: %s',
    async (taskId) => {
      const answers = [
        await world.inject(`/api/tasks/${taskId}`),
        await world.inject(`/api/tasks/${taskId}/events`),
        await ask(taskId, 'retry'),
        await ask(taskId, 'cancel', { 'if-match': '"1", "2"' }),
        await ask(taskId, 'run-now', { 'if-match': '"1"' }),
      ]
      for (const answer of answers)
        expect([answer.statusCode, answer.json().code]).toStrictEqual([404, 'task-not-found'])
    },
  )
})
