import { describe, expect, it } from 'vitest'
import { StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { TaskIndex } from '#application/ports/heads/task-index.ts'
import { createEndWatch } from '#application/queries/wait-for-end.ts'
import { waitForEnd } from '#application/queries/wait-for-end.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Task } from '#domain/task/state.ts'
import { mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { fail, start, succeed } from '../../support/run-commands.ts'
import { appendCommand, range, submitMany, submitTo } from '../../support/task-builders.ts'

const createSituation = (adaptIndex: (index: TaskIndex) => Partial<TaskIndex> = () => ({})) => {
  const world = createMemoryWorld()
  const queries: number[] = []
  const index: TaskIndex = {
    ...world.index,
    findHeads: (taskIds) => {
      queries.push(taskIds.length)
      return world.index.findHeads(taskIds)
    },
    ...adaptIndex(world.index),
  }
  const ends = createEndWatch({ index, timers: world.timers })
  const leaving = new AbortController()
  return {
    world,
    ends,
    queries,
    leave: () => leaving.abort(),
    wait: (taskId: TaskId, withinMs = 10_000) => waitForEnd({ ...world, ends }, taskId, withinMs, leaving.signal),
  }
}

const run = (world: MemoryWorld, task: Task) => appendCommand(world.store, task, start(task))

/** How a promise stands, without waiting for it. */
const watch = <Value>(promise: Promise<Value>) => {
  const found: { state: 'open' | 'settled'; value: Value | undefined } = { state: 'open', value: undefined }
  void promise.then((value) => {
    found.state = 'settled'
    found.value = value
  })
  return found
}

describe('waiting for the end of a task', () => {
  it('answers within a quarter of a second of it', async () => {
    const { world, ends, wait } = createSituation()
    const running = await run(world, await submitTo(world))
    const waiting = watch(wait(running.taskId))
    await world.advance(3_000)
    expect(waiting.state).toBe('open')
    await appendCommand(world.store, running, succeed(running, '"done"'))
    await world.advance(250)
    expect(waiting.value?.task).toMatchObject({ status: 'SUCCESS', result: '"done"' })
    await ends.close()
    expect(world.time.pendingTimers()).toBe(0)
  })

  it('is over at once for a task that has ended, does not exist or is given no time', async () => {
    const { world, queries, wait } = createSituation()
    const running = await run(world, await submitTo(world))
    expect((await wait(running.taskId, 0))?.task.status).toBe('PROCESSING')
    await appendCommand(world.store, running, succeed(running))
    expect((await wait(running.taskId))?.task.status).toBe('SUCCESS')
    expect(await wait(mintTaskId())).toBeUndefined()
    expect(queries).toEqual([])
  })

  it('goes on while a failed attempt is tried again, and answers the task as it stands when the time is over', async () => {
    const { world, wait } = createSituation()
    const running = await run(world, await submitTo(world))
    const waiting = watch(wait(running.taskId, 5_000))
    await appendCommand(world.store, running, fail(running))
    await world.advance(4_999)
    expect(waiting.state).toBe('open')
    await world.advance(1)
    expect(waiting.value?.task.status).toBe('PENDING')
    expect(world.time.pendingTimers()).toBeLessThanOrEqual(1)
  })

  it('ends when the caller leaves, and when the process closes', async () => {
    const { world, ends, leave, wait } = createSituation()
    const task = await submitTo(world)
    const first = watch(wait(task.taskId))
    await world.time.settle()
    leave()
    await world.time.settle()
    expect(first.state).toBe('settled')
    const other = createSituation()
    const pending = await submitTo(other.world)
    const second = watch(other.wait(pending.taskId))
    await other.world.time.settle()
    await other.ends.close()
    await other.world.time.settle()
    expect(second.value?.task.status).toBe('PENDING')
    expect(other.world.time.pendingTimers()).toBe(0)
    await ends.close()
  })

  it('asks once in a quarter of a second for all who wait, and no more when nobody does', async () => {
    const { world, queries, wait } = createSituation()
    const tasks = await submitMany(world, 20)
    const waiting = tasks.flatMap((task) => range(5).map(() => watch(wait(task.taskId, 1_000))))
    await world.advance(900)
    expect(queries).toEqual([20, 20, 20])
    await world.advance(10_000)
    expect(queries.length).toBeLessThanOrEqual(4)
    expect(waiting.filter(({ state }) => state === 'open')).toEqual([])
  })

  it('goes on when the store is away for a while', async () => {
    let state: 'here' | 'away' = 'away'
    const { world, ends, wait } = createSituation((index) => ({
      findHeads: (taskIds) =>
        state === 'here' ? index.findHeads(taskIds) : Promise.reject(new StoreUnavailableError('away', 'not-stored')),
    }))
    const running = await run(world, await submitTo(world))
    const waiting = watch(wait(running.taskId))
    await world.time.settle()
    await appendCommand(world.store, running, succeed(running))
    await world.advance(2_000)
    expect(waiting.state).toBe('open')
    state = 'here'
    await world.advance(250)
    expect(waiting.value?.task.status).toBe('SUCCESS')
    await ends.close()
  })

  it('is refused when too many wait, and taken again when some have left', async () => {
    const { world, ends, wait } = createSituation()
    const task = await submitTo(world)
    const waits = range(4_000).map(() => watch(wait(task.taskId, 1_000)))
    await world.time.settle()
    await expect(wait(task.taskId)).rejects.toThrow(StoreOverloadedError)
    await world.advance(1_000)
    expect(waits.filter(({ state }) => state === 'open')).toEqual([])
    const again = watch(wait(task.taskId, 500))
    await world.advance(500)
    expect(again.state).toBe('settled')
    await ends.close()
  })
})
