import { describe, expect, it } from 'vitest'
import { findCodeOrigin, type CodeOrigin } from '#adapters/worker/run/code-origin.ts'
import { cancelTask, retryTask } from '#application/commands/person-commands.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { range } from '../../support/task-builders.ts'
import { createClient, startWorker } from '../../support/test-worker.ts'

const typesOf = (world: MemoryWorld, taskId: TaskId) =>
  (world.database.streams.get(taskId) ?? []).map(({ type }) => type)
const lastOf = (world: MemoryWorld, taskId: TaskId) => world.database.streams.get(taskId)?.at(-1)
const statesOf = (world: MemoryWorld) => [...world.database.workers.values()].map(({ state }) => state)

/** Runs so many tasks that wait until they are aborted, and notes the origin that each has a turn after it began. */
const begin = async (tasks: number) => {
  const world = createMemoryWorld()
  const client = createClient(world)
  const origins = new Map<TaskId, CodeOrigin | undefined>()
  const work = async (_: unknown, { taskId, signal }: HandlerContext) => {
    await Promise.resolve()
    origins.set(taskId, findCodeOrigin())
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    signal.throwIfAborted()
  }
  const { worker } = await startWorker(world, { work })
  const taskIds = await Promise.all(range(tasks).map(() => client.submit({ maxAttempts: 1 })))
  await world.advance(100)
  const breakDown = async (origin: CodeOrigin | undefined) => {
    const over = worker.breakDown(origin && { thrown: new RangeError('escaped'), origin })
    await world.advance(1_000)
    await over
  }
  return { world, client, taskIds, origins, breakDown }
}

describe('a worker whose process breaks down', () => {
  it('records the crash of the run whose error escaped, hands back the others and ends', async () => {
    const { world, taskIds, origins, breakDown } = await begin(4)
    const [culprit, ...others] = taskIds
    if (culprit === undefined) throw new Error('no task was submitted')
    await breakDown(origins.get(culprit))
    expect(lastOf(world, culprit)).toMatchObject({
      type: 'Failed',
      data: { cause: 'crash', final: true, error: { name: 'RangeError', message: 'escaped' } },
    })
    for (const taskId of others) expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started', 'Released'])
    expect(statesOf(world)).toEqual(['ended'])
  })

  it('records nothing of a run that is over, and hands back the others', async () => {
    const { world, client, origins, taskIds, breakDown } = await begin(2)
    const [over, other] = taskIds
    if (over === undefined || other === undefined) throw new Error('two tasks were not submitted')
    await cancelTask(client.process, { taskId: over, context: {} })
    await world.advance(100)
    expect(lastOf(world, over)?.type).toBe('Cancelled')
    await breakDown(origins.get(over))
    expect(lastOf(world, over)?.type).toBe('Cancelled')
    expect(lastOf(world, other)?.type).toBe('Released')
  })

  it('hands back a run of a task when the error comes from an earlier run of it', async () => {
    const { world, client, origins, taskIds, breakDown } = await begin(1)
    const [taskId] = taskIds
    if (taskId === undefined) throw new Error('no task was submitted')
    const earlier = origins.get(taskId)
    await cancelTask(client.process, { taskId, context: {} })
    await world.advance(100)
    await retryTask(client.process, { taskId, context: {} })
    await world.advance(100)
    expect(origins.get(taskId)?.run).toBeGreaterThan(earlier?.run ?? 0)
    await breakDown(earlier)
    expect(lastOf(world, taskId)?.type).toBe('Released')
  })

  it('leaves all runs to those who find it ended when nobody knows whose error it is', async () => {
    const { world, taskIds, breakDown } = await begin(2)
    await breakDown(undefined)
    for (const taskId of taskIds) expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started'])
    expect(statesOf(world)).toEqual(['ended'])
  })
})
