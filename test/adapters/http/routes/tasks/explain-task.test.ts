import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseIncarnation, parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { claimEffect, holdEffect } from '../../../../support/run-commands.ts'
import { loadTask } from '../../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../../support/http-world.ts'

let world: HttpWorld
beforeEach(async () => {
  world = await createHttpWorld({ server: { traceUrlTemplate: 'https://traces.example.com/{traceId}?t={traceId}' } })
})
afterEach(() => world.close())

const incarnation = parseIncarnation('3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90')

const submit = async (body = '{"type":"a"}', headers = {}): Promise<TaskId> =>
  parseTaskId((await world.post('/api/tasks', body, headers)).json().id)

const explain = async (taskId: TaskId) => (await world.inject(`/api/tasks/${taskId}/explain`)).json()

describe('an explanation', () => {
  test('of a scheduled task says when it will be ready', async () => {
    expect(await explain(await submit('{"type":"a","delayMs":60000}'))).toStrictEqual({
      status: 'PENDING',
      detail: 'scheduled',
      because: [{ code: 'not-due', message: expect.any(String) }],
      next: { what: 'ready', at: '2026-01-01T00:01:00.000Z' },
    })
  })

  test('of a task without a worker for its type says so', async () => {
    expect(await explain(await submit())).toMatchObject({ because: [{ code: 'no-worker-for-type' }], next: null })
  })

  test('of a task about to be taken gives no reason', async () => {
    const worker = { incarnation, host: 'here', pid: 1, queues: undefined, types: ['a'], concurrency: 5 }
    await world.memory.registry.register({ ...worker, leaseMs: 15_000, beatMs: 3_000 })
    expect(await explain(await submit())).toStrictEqual({
      status: 'PENDING',
      detail: 'ready',
      because: [],
      next: null,
    })
  })

  test('of a cancelled task says that it was cancelled', async () => {
    const taskId = await submit()
    await world.post(`/api/tasks/${taskId}/cancel`, '{}')
    expect(await explain(taskId)).toMatchObject({ status: 'CANCELLED', because: [{ code: 'cancelled' }], next: null })
  })
})

describe('effects', () => {
  test('are listed in the order they began, results to the letter', async () => {
    const taskId = await submit()
    expect((await world.inject(`/api/tasks/${taskId}/effects`)).json()).toStrictEqual({ items: [] })
    await world.work(taskId, (now) => ({ type: 'Start', incarnation, now }))
    const running = await loadTask(world.memory.store, parseTaskId(taskId))
    for (const name of ['zwei', 'eins']) await world.memory.ledger.claim(claimEffect(running, { name }))
    const result = '{"b":1.0,"a":"😀"}'
    await world.memory.ledger.complete({ ...holdEffect(running, 'zwei'), result })
    const answer = await world.inject(`/api/tasks/${taskId}/effects`)
    expect(answer.json()).toMatchObject({
      items: [
        { name: 'zwei', mode: 'idempotent', state: 'completed', attempt: 1 },
        { name: 'eins', state: 'started', result: null, completedAt: null },
      ],
    })
    expect(answer.body).toContain(`"result":${result},"startedAt":"2026-01-01T00:00:00.000Z"`)
  })
})

describe('a trace', () => {
  test('is named by its id and by its URL', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const traced = await submit('{"type":"a"}', { traceparent: `00-${traceId}-00f067aa0ba902b7-01` })
    const traceUrl = `https://traces.example.com/${traceId}?t=${traceId}`
    expect((await world.inject(`/api/tasks/${traced}/events`)).json()).toMatchObject({ items: [{ traceId, traceUrl }] })
    const untraced = await submit()
    expect((await world.inject(`/api/tasks/${untraced}/events`)).json()).toMatchObject({
      items: [{ traceId: null, traceUrl: null }],
    })
    const { items } = (await world.inject('/api/events')).json()
    expect(items).toMatchObject([{ traceId }, { traceId: null }])
    expect(items[0]).not.toHaveProperty('traceUrl')
  })
})
