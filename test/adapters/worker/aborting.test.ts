import { describe, expect, it } from 'vitest'
import { cancelTask, retryTask } from '#application/commands/person-commands.ts'
import { AbortReason, type HandlerContext } from '#application/ports/task-handler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { loadTask } from '../../support/task-builders.ts'
import { beatMs, createClient, startWorker } from '../../support/test-worker.ts'

/** Never ends by itself; throws its signal's reason once that aborts. */
const untilAborted = (context: HandlerContext): Promise<never> =>
  new Promise((_, reject) => {
    context.signal.addEventListener('abort', () => reject(new Error('stopped', { cause: context.signal.reason })))
  })

const causeOf = (context: HandlerContext | undefined): string | undefined => {
  const reason: unknown = context?.signal.reason
  return reason instanceof AbortReason ? reason.cause : undefined
}

const typesOf = (world: MemoryWorld, taskId: TaskId) =>
  (world.database.streams.get(taskId) ?? []).map(({ type }) => type)

/** A worker with one slot and a handler that the test scripts, and one task that runs. */
const runOne = async (
  run: (context: HandlerContext, world: MemoryWorld) => Promise<unknown>,
  submission: { readonly timeoutMs?: number; readonly maxAttempts?: number } = {},
) => {
  const world = createMemoryWorld()
  const client = createClient(world)
  const contexts: HandlerContext[] = []
  const { worker } = await startWorker(
    world,
    {
      work: (_, context) => {
        contexts.push(context)
        return run(context, world)
      },
      other: async () => 'ran',
    },
    { concurrency: 1 },
  )
  const taskId = await client.submit({ ...submission, retry: { baseMs: 3_600_000, jitter: 'none' } })
  await world.advance(100)
  return { world, client, worker, taskId, contexts, cancel: () => cancelTask(client.process, { taskId, context: {} }) }
}

describe('a handler that outlives its time limit', () => {
  it('is aborted, and fails when it throws', async () => {
    const { world, taskId, contexts, worker } = await runOne(untilAborted, { timeoutMs: 5_000 })
    await world.advance(4_800)
    expect(contexts[0]?.signal.aborted).toBe(false)
    await world.advance(200)
    expect(causeOf(contexts[0])).toBe('timeout')
    const task = await loadTask(world.store, taskId)
    expect(task).toMatchObject({
      status: 'PENDING',
      facts: { lastFailure: { cause: 'timeout', error: { name: 'TimeoutError' } } },
    })
    expect(worker.runningCount()).toBe(0)
  })

  it('succeeds when it returns within its grace', async () => {
    const slow = async (_: HandlerContext, world: MemoryWorld) => {
      await world.timers.sleep(9_000)
      return 'after all'
    }
    const { world, taskId } = await runOne(slow, { timeoutMs: 1_000 })
    await world.advance(9_500)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', result: '"after all"' })
  })

  it('is given up on after its grace and keeps its slot; its later result is not recorded', async () => {
    const deaf = (_: HandlerContext, world: MemoryWorld) => world.timers.sleep(30_000)
    const { world, client, taskId, worker } = await runOne(deaf, { timeoutMs: 1_000, maxAttempts: 1 })
    const other = await client.submit({ type: 'other' })
    await world.advance(11_000)
    const task = await loadTask(world.store, taskId)
    expect(task).toMatchObject({ status: 'FAILED', facts: { lastFailure: { cause: 'timeout' } } })
    expect(worker.runningCount()).toBe(1)
    expect(world.counts.total('handlers-cut-off')).toBe(1)
    expect((await loadTask(world.store, other)).status).toBe('PENDING')
    await world.advance(25_000)
    expect(await loadTask(world.store, taskId)).toEqual(task)
    expect(worker.runningCount()).toBe(0)
    // Nobody tried to record it either.
    expect(world.counts.total('outcomes-fenced')).toBe(0)
  })
})

describe('cancelling', () => {
  it('a running task aborts its handler at once, and ends CANCELLED when that throws', async () => {
    const { world, taskId, contexts, cancel } = await runOne(untilAborted)
    await cancel()
    await world.advance(1)
    expect(causeOf(contexts[0])).toBe('cancelled')
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started', 'CancelRequested', 'Cancelled'])
    expect(world.database.streams.get(taskId)?.at(-1)?.data).toEqual({ cause: 'aborted' })
    await expectHeadsToEqualFolds(world, [taskId])
  })

  it('a running task without a signal reaches its handler with the next beat', async () => {
    const { world, client, taskId, contexts } = await runOne(untilAborted)
    const deaf = { ...client.process, signals: { announce: async () => {}, subscribe: () => () => {} } }
    await cancelTask(deaf, { taskId, context: {} })
    await world.advance(beatMs)
    expect(causeOf(contexts[0])).toBe('cancelled')
    expect((await loadTask(world.store, taskId)).status).toBe('CANCELLED')
  })

  it('a task whose handler returns all the same ends in SUCCESS', async () => {
    const obliging = (context: HandlerContext) =>
      new Promise((resolve) => {
        context.signal.addEventListener('abort', () => resolve('done before'))
      })
    const { world, taskId, cancel } = await runOne(obliging)
    await cancel()
    await world.advance(1)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', result: '"done before"' })
  })

  it('a task whose handler ignores it cuts that off after its grace', async () => {
    const deaf = (_: HandlerContext, world: MemoryWorld) => world.timers.sleep(30_000)
    const { world, taskId, cancel } = await runOne(deaf)
    await cancel()
    await world.advance(9_900)
    expect((await loadTask(world.store, taskId)).status).toBe('PROCESSING')
    await world.advance(200)
    expect(world.database.streams.get(taskId)?.at(-1)).toMatchObject({ type: 'Cancelled', data: { cause: 'cut-off' } })
  })

  it('a task that waits for a slot keeps it from running', async () => {
    const { world, client, worker } = await runOne(untilAborted, { timeoutMs: 1_000 })
    const waiting = await client.submit({ type: 'other' })
    await world.advance(100)
    await cancelTask(client.process, { taskId: waiting, context: {} })
    await world.advance(20_000)
    expect(typesOf(world, waiting)).toEqual(['Submitted', 'Cancelled'])
    expect(worker.runningCount()).toBe(0)
  })

  it('a task that fails before its worker learns of the request ends CANCELLED, not retried', async () => {
    let fail = (): void => {}
    const waiting = () =>
      new Promise((_, reject) => {
        fail = () => reject(new Error('on its own'))
      })
    const { world, client, taskId } = await runOne(waiting)
    const deaf = { ...client.process, signals: { announce: async () => {}, subscribe: () => () => {} } }
    await cancelTask(deaf, { taskId, context: {} })
    fail()
    await world.advance(1)
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started', 'CancelRequested', 'Cancelled'])
    await expectHeadsToEqualFolds(world, [taskId])
  })

  it('an earlier run does not abort a later one whose signal comes late', async () => {
    const { world, client, taskId, contexts, cancel } = await runOne(untilAborted)
    await cancel()
    await world.advance(10)
    await retryTask(client.process, { taskId, context: {} })
    await world.advance(10)
    await client.process.signals.announce({ kind: 'cancel-requested', taskIds: [taskId] })
    await world.advance(beatMs)
    expect(contexts).toHaveLength(2)
    expect(contexts[1]?.signal.aborted).toBe(false)
  })

  it('an earlier run does not abort a later one when the list that names it comes late', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const late = Promise.withResolvers<void>()
    let lists = 0
    const listCancelling: typeof world.runs.listCancelling = async (incarnation) => {
      const listed = await world.runs.listCancelling(incarnation)
      lists += listed.length
      if (listed.length > 0 && lists === 1) await late.promise
      return listed
    }
    const contexts: HandlerContext[] = []
    const first = Promise.withResolvers<never>()
    await startWorker(
      world,
      {
        work: (_, context) => {
          contexts.push(context)
          return contexts.length === 1 ? first.promise : untilAborted(context)
        },
      },
      { deps: { runs: { ...world.runs, listCancelling } } },
    )
    const taskId = await client.submit()
    await world.advance(100)
    await cancelTask(client.process, { taskId, context: {} })
    await world.advance(100)
    expect(lists).toBe(1)
    first.reject(new Error('on its own'))
    await world.advance(100)
    await retryTask(client.process, { taskId, context: {} })
    await world.advance(100)
    expect(contexts).toHaveLength(2)
    late.resolve()
    await world.advance(100)
    expect(contexts[1]?.signal.aborted).toBe(false)
    expect((await loadTask(world.store, taskId)).status).toBe('PROCESSING')
  })
})
