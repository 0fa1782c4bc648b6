import { createClient, submission, type TaskfoldClient, TaskfoldError } from 'taskfold'
import { z } from 'zod'
import { defineTask } from '#adapters/handlers/define-task.ts'
import { parseIncarnation, parseTaskId } from '#domain/identifiers.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimEffect } from '../../support/run-commands.ts'
import { loadTask } from '../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../http/support/http-world.ts'

let world: HttpWorld
let client: TaskfoldClient
beforeAll(async () => {
  world = await createHttpWorld()
  const { url } = await world.server.listen('127.0.0.1', 0)
  client = createClient({ url: `${url}/`, actor: 'Ada 🎩' })
})
afterAll(() => world.close())

const greet = defineTask({
  type: 'greet',
  input: z.object({ name: z.string() }),
  run: ({ name }) => ({ text: `hello ${name}` }),
})

const incarnation = parseIncarnation('3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90')
const work = (id: string, ...commands: readonly ((now: number) => TaskCommand)[]) =>
  commands.reduce<Promise<unknown>>(
    (before, toCommand) => before.then(() => world.work(parseTaskId(id), toCommand)),
    Promise.resolve(),
  )
const start = (now: number): TaskCommand => ({ type: 'Start', incarnation, now })
const succeed = (): TaskCommand => ({ type: 'Succeed', run: 2, result: '{"text":"hello Ada"}' })
const fail = (): TaskCommand => ({
  type: 'Fail',
  run: 2,
  cause: 'permanent-error',
  error: { name: 'PermanentError', message: 'no' },
  ending: 'thrown',
  random: 0,
})

const all = async <Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> => {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('a task', () => {
  test('is submitted with every option, and found again', async () => {
    const runAt = new Date('2026-02-01T00:00:00.000Z')
    const retry = { strategy: 'fixed', baseMs: 5, maxMs: 10, jitter: 'none' } as const
    const said = { queue: 'mail', priority: -3, maxAttempts: 2, timeoutMs: 9, tags: ['a', 'b'] }
    const task = await client.submit(greet, { name: 'Ada' }, { ...said, runAt, retry })

    expect(task).toMatchObject({ type: 'greet', payload: { name: 'Ada' }, status: 'PENDING', detail: 'scheduled' })
    expect(task).toMatchObject({ ...said, runAt: runAt.toISOString() })
    expect(await client.get(task)).toEqual(task)
    const [submitted] = await all(client.events(task))
    expect(submitted).toMatchObject({ type: 'Submitted', data: { retry }, stateAfter: { detail: 'scheduled' } })
  })

  test('records actor and reason in any language, and continues a trace', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
    const task = await client.submit('a', null, { reason: 'zu spät 🕰', traceparent, delayMs: 60_000 })
    await client.runNow(task, { actor: 'Grace', reason: 'line one\nline two' })

    expect((await all(client.events(task))).map(({ actor, reason }) => ({ actor, reason }))).toEqual([
      { actor: 'Ada 🎩', reason: 'zu spät 🕰' },
      { actor: 'Grace', reason: 'line one\nline two' },
    ])
    expect((await all(client.events(task)))[0]?.traceId).toBe(traceId)
  })

  test('without a payload has the payload null', async () => {
    expect(await client.submit('a')).toMatchObject({ payload: null, queue: 'default' })
  })

  test('that is refused names its faults', async () => {
    await expect(client.submit('no space', null, { priority: 101 })).rejects.toMatchObject({
      code: 'validation-failed',
      status: 422,
      errors: expect.arrayContaining([
        { pointer: '/priority', message: 'must be at most 100' },
        { pointer: '/type', message: expect.any(String) },
      ]),
    })
  })

  test.each(['x', '../queues', '019b76da-a800-7000-8000-000000000009'])('of the id %s is not found', async (id) => {
    await expect(client.get(id)).rejects.toMatchObject({ code: 'task-not-found', status: 404, taskId: id })
  })
})

describe('the end of a task', () => {
  test('comes with its result', async () => {
    const task = await client.submit(greet, { name: 'Ada' })
    await work(task.id, start, succeed)

    const ended = await client.waitForEnd(task)
    expect(ended).toMatchObject({ status: 'SUCCESS', result: { text: 'hello Ada' } })
    if (ended.status === 'SUCCESS') expect(ended.result.text).toBe('hello Ada')
  })

  test('may be a failure, from which a person can retry it', async () => {
    const task = await client.submit(greet, { name: 'Ada' })
    await work(task.id, start, fail)

    const ended = await client.waitForEnd(task)
    expect(ended).toMatchObject({ status: 'FAILED', detail: 'permanent-error', error: { message: 'no' } })
    expect(await client.retry(task, { ifVersion: ended.version, reason: 'repaired' })).toMatchObject({
      status: 'PENDING',
      version: ended.version + 1,
    })
  })
})

describe('a change', () => {
  test('of an earlier version is refused', async () => {
    const task = await client.submit('a')
    await work(task.id, start)
    await expect(client.cancel(task, { ifVersion: task.version })).rejects.toMatchObject({
      code: 'version-mismatch',
      status: 412,
    })
    expect(await client.cancel(task, { ifVersion: 2 })).toMatchObject({ status: 'PROCESSING', detail: 'cancelling' })
  })

  test('that the state does not allow is refused', async () => {
    const task = await client.submit('a')
    expect(await client.runNow(task)).toEqual(task)
    await expect(client.retry(task)).rejects.toMatchObject({ code: 'not-retryable', status: 409, taskId: task.id })
    expect(await client.cancel(task.id)).toMatchObject({ status: 'CANCELLED' })
    await expect(client.runNow(task)).rejects.toMatchObject({ code: 'not-runnable' })
  })
})

describe('a batch', () => {
  test('has an outcome for each item, in its order', async () => {
    const [first, second, third] = await client.submitBatch([
      submission(greet, { name: 'Ada' }, { priority: 7 }),
      submission('no space'),
      submission('a', [1], { delayMs: 5 }),
    ])
    expect(first.task).toMatchObject({ type: 'greet', payload: { name: 'Ada' }, priority: 7 })
    expect(second.error).toBeInstanceOf(TaskfoldError)
    expect(second.error).toMatchObject({ code: 'validation-failed', status: 422, errors: [{ pointer: '/type' }] })
    expect(third.task).toMatchObject({ payload: [1], detail: 'scheduled' })
  })

  test('that is atomic is stored as a whole, or refused as a whole', async () => {
    const good = submission('whole', 1)
    await expect(client.submitBatch([good, submission('no space')], { atomic: true })).rejects.toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: '/tasks/1/type' }],
    })
    expect(await all(client.list({ type: 'whole' }))).toEqual([])
    const outcomes = await client.submitBatch([good, good], { atomic: true, reason: 'at last' })
    expect((await all(client.list({ type: 'whole' }))).map(({ id }) => id)).toEqual(
      outcomes.map(({ task }) => task?.id).toReversed(),
    )
  })

  test('makes one task of a key, however often the key comes', async () => {
    const keyed = submission('keyed', 1, { idempotencyKey: 'row-1' })
    const [one] = await client.submitBatch([keyed])
    const [other] = await client.submitBatch([keyed])
    expect(other.task).toEqual(one.task)
    expect(await client.submit('keyed', 1, { idempotencyKey: 'row-1' })).toEqual(one.task)
    await expect(client.submit('keyed', 2, { idempotencyKey: 'row-1' })).rejects.toMatchObject({
      code: 'idempotency-key-reused',
    })
  })

  test('of a thousand is one request', async () => {
    const items = Array.from({ length: 1_000 }, (_, index) => submission('many', index))
    const outcomes = await client.submitBatch(items)
    expect(outcomes.map(({ task }) => task?.payload)).toEqual(items.map(({ payload }) => payload))
  })
})

test('the feed is read from its beginning, page by page, and followed from now on', async () => {
  const before = await all(client.readEvents())
  const following = client.followEvents({ after: before.at(-1)?.cursor })
  const next = following.next()
  const task = await client.submit('followed')
  expect((await next).value).toMatchObject({ taskId: task.id, type: 'Submitted', version: 1, actor: 'Ada 🎩' })
  await following.return?.(undefined)
  expect(before.length).toBeGreaterThan(1_000)
})

test('a list goes on over its pages, and is filtered', async () => {
  const ids: string[] = []
  for (let count = 0; count < 5; count += 1) ids.push((await client.submit('listed', count, { tags: ['odd'] })).id)
  await client.submit('other')
  const listed = await all(
    client.list({ type: 'listed', status: 'PENDING', tag: 'odd', submittedAfter: new Date(0), pageSize: 2 }),
  )

  expect(listed.map(({ id }) => id)).toEqual(ids.toReversed())
  expect(await all(client.list({ submittedBefore: '2000-01-01T00:00:00Z' }))).toEqual([])
  await expect(all(client.list({ pageSize: 201 }))).rejects.toMatchObject({ errors: [{ pointer: '/query/limit' }] })
})

test.each(['ftp://a', 'nonsense', 'http://user:secret@a'])('the URL %s is refused at once', (url) => {
  expect(() => createClient({ url })).toThrow(TypeError)
})

describe('an effect in doubt', () => {
  test('is shown, settled by whoever found out, and then no more in doubt', async () => {
    const task = await client.submit(greet, { name: 'Ada' })
    await work(task.id, start)
    const running = await loadTask(world.memory.store, parseTaskId(task.id))
    await world.memory.ledger.claim(claimEffect(running, { name: 'greeting', mode: 'once', unfinished: 'doubt' }))
    await work(task.id, fail)
    expect(await client.effects(task)).toMatchObject([
      { name: 'greeting', mode: 'once', state: 'in-doubt', settled: null },
    ])

    const settlement = { outcome: 'completed', result: { heard: true } } as const
    const settled = await client.settleEffect(task, 'greeting', settlement, { reason: 'she says so' })
    expect(settled).toMatchObject({ state: 'completed', result: { heard: true } })
    expect(settled.settled).toMatchObject({ by: 'Ada 🎩', reason: 'she says so' })
    expect(await client.effects(task.id)).toEqual([settled])
    const again = client.settleEffect(task, 'greeting', { outcome: 'not-done' })
    await expect(again).rejects.toMatchObject({ code: 'not-in-doubt', status: 409, taskId: task.id })
    const other = client.settleEffect(task, 'a/b ?', { outcome: 'not-done' }, { actor: 'Bob' })
    await expect(other).rejects.toMatchObject({ code: 'effect-not-found', status: 404 })
  })
})
