import { describe, expect, it } from 'vitest'
import { PayloadInvalidError, PermanentError, RetryAfterError } from '#application/ports/task-handler.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { loadTask, range } from '../../support/task-builders.ts'
import { createClient, startWorker } from '../../support/test-worker.ts'

describe('a worker', () => {
  it('runs a task with its parsed payload, and records the result', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { worker } = await startWorker(world, { work: async (payload) => ({ got: payload }) })
    const taskId = await client.submit({ payload: '{"a":[1]}' })
    await world.advance(1_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({
      status: 'SUCCESS',
      result: '{"got":{"a":[1]}}',
      facts: { attempt: 1 },
    })
    await expectHeadsToEqualFolds(world, [taskId])
    await worker.drain()
  })

  it('runs by rank, one after the other, with one slot', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const order: unknown[] = []
    const run = async (payload: unknown) => {
      order.push(payload)
      await world.timers.sleep(100)
    }
    await client.submit({ payload: '"late"', priority: 0 })
    await client.submit({ payload: '"urgent"', priority: 5 })
    await client.submit({ payload: '"lazy"', priority: -5 })
    const { worker } = await startWorker(world, { work: run }, { concurrency: 1 })
    await world.advance(5_000)
    expect(order).toEqual(['urgent', 'late', 'lazy'])
    await worker.drain()
  })

  it('never runs more handlers at once than it has slots', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    let [atWork, most] = [0, 0]
    const run = async () => {
      atWork += 1
      most = Math.max(most, atWork)
      await world.timers.sleep(10)
      atWork -= 1
    }
    const taskIds = await Promise.all(range(100).map(() => client.submit()))
    const { worker } = await startWorker(world, { work: run }, { concurrency: 7 })
    await world.advance(2_000)
    expect(most).toBe(7)
    for (const taskId of taskIds) expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
    await worker.drain()
  })

  it('leaves no timer behind when it was drained', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { worker, process } = await startWorker(world, { work: async () => null })
    await client.submit()
    await world.advance(5_000)
    await worker.drain()
    await process.announcer.close()
    await client.process.announcer.close()
    await world.advance(0)
    expect(world.time.pendingTimers()).toBe(0)
  })
})

describe('a handler that throws', () => {
  const runOnce = async (run: () => Promise<unknown>, maxAttempts = 5) => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { worker } = await startWorker(world, { work: run })
    const taskId = await client.submit({ maxAttempts, retry: { baseMs: 60_000, jitter: 'none' } })
    await world.advance(1_000)
    const task = await loadTask(world.store, taskId)
    await expectHeadsToEqualFolds(world, [taskId])
    await worker.drain()
    return task
  }

  it.each([
    ['PermanentError', new PermanentError('no'), 'FAILED', 'permanent-error'],
    ['PayloadInvalidError', new PayloadInvalidError('no'), 'FAILED', 'payload-invalid'],
    ['Error', new Error('no'), 'PENDING', 'handler-error'],
    ['RetryAfterError', new RetryAfterError(1_234, 'no'), 'PENDING', 'handler-error'],
  ])('%s ends its attempt as it says', async (name, error, status, cause) => {
    const task = await runOnce(() => Promise.reject(error))
    expect(task).toMatchObject({
      status,
      facts: { lastFailure: { cause, attempt: 1, error: { name, message: 'no' } } },
    })
    if (task.status === 'PENDING')
      expect(task.times.readyAt - task.times.changedAt).toBe(name === 'Error' ? 60_000 : 1_234)
  })

  it('whatever it throws, the attempt fails and the worker goes on', async () => {
    const refuse = () => {
      throw new Error('no')
    }
    const hostile: unknown = new Proxy({}, { get: refuse, getPrototypeOf: refuse, ownKeys: refuse })
    expect(await runOnce(() => Promise.reject(hostile), 1)).toMatchObject({
      facts: { lastFailure: { cause: 'handler-error' } },
    })
  })

  it('ends the task when its attempts are spent', async () => {
    expect(await runOnce(() => Promise.reject(new Error('no')), 1)).toMatchObject({
      status: 'FAILED',
      detail: 'attempts-exhausted',
    })
  })

  it('is retried when its back-off is over, and to the millisecond', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const begunAt: number[] = []
    const run = async () => {
      begunAt.push(world.storeClock.now())
      if (begunAt.length < 3) throw new Error('not yet')
    }
    const { worker } = await startWorker(world, { work: run })
    const taskId = await client.submit({ retry: { strategy: 'fixed', baseMs: 700, jitter: 'none' } })
    await world.advance(3_000)
    expect(begunAt.map((at) => at - (begunAt[0] ?? 0))).toEqual([0, 700, 1_400])
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', facts: { attempt: 3 } })
    await worker.drain()
  })

  it.each([
    ['returns a BigInt', async () => 1n],
    ['returns a function', async () => () => {}],
    ['returns what refers to itself', async () => world0],
    ['returns a NUL, which no store takes', async () => '\u0000'],
    ['returns half a character', async () => '\ud800'],
  ])('a handler that %s fails for good and says why', async (_, run) => {
    const task = await runOnce(run)
    expect(task).toMatchObject({ status: 'FAILED', detail: 'permanent-error' })
    expect(task.facts.lastFailure?.error.message).not.toBe('')
  })
})

const world0: { self?: unknown } = {}
world0.self = world0
