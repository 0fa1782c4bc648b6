import { describe, expect, it } from 'vitest'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { type FinishCommand, finishRun } from '#application/runs/finish-run.ts'
import { type EventStore, StoreUnavailableError, UnstorableAppendError } from '#application/ports/events/event-store.ts'
import { fold } from '#domain/task/evolve.ts'
import { toHead } from '#domain/task/head.ts'
import type { RunningTask } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { mintIncarnation } from '../../support/ids.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { declareLost, fail, start, succeed } from '../../support/run-commands.ts'
import { appendCommand, loadTask, submitTo } from '../../support/task-builders.ts'

const setUp = async (changes: (store: EventStore) => Partial<EventStore> = () => ({})) => {
  const world = createMemoryWorld()
  const incarnation = mintIncarnation()
  const pending = await submitTo(world)
  const task = await appendCommand(world.store, pending, start(pending, incarnation))
  const over = new AbortController()
  const deps = {
    ...world,
    store: { ...world.store, ...changes(world.store) },
    announcer: createReadyAnnouncer({ ...world, horizonMs: 3_000 }),
  }
  const lease = { incarnation, isHeld: () => !over.signal.aborted, signal: over.signal }
  const finish = (command: FinishCommand) => finishRun(deps, toRunning(task), command, lease)
  return { world, task, finish, endLease: () => over.abort() }
}

const toRunning = (task: { readonly status: string }): RunningTask => {
  if (!isRunning(task)) throw new Error(`the task is ${task.status}`)
  return task
}

const isRunning = (task: { readonly status: string }): task is RunningTask => task.status === 'PROCESSING'

describe('finishing a run', () => {
  it('records its outcome', async () => {
    const { world, task, finish } = await setUp()
    expect(await finish(succeed(task, '1'))).toBe('recorded')
    expect(await loadTask(world.store, task.taskId)).toMatchObject({ status: 'SUCCESS', result: '1' })
  })

  it('hints at the retry when it is due', async () => {
    const { world, task, finish } = await setUp()
    await finish(fail(task))
    await world.advance(999)
    const route = { queue: task.facts.submission.queue, type: task.facts.submission.type }
    expect(await world.queue.size(world.lanes.laneOf(route))).toBe(0)
    await world.advance(1)
    expect(await world.queue.size(world.lanes.laneOf(route))).toBe(1)
  })

  it('is decided anew when a cancel came between', async () => {
    const { world, task, finish } = await setUp()
    await appendCommand(world.store, task, { type: 'Cancel' })
    expect(await finish(fail(task))).toBe('recorded')
    expect((await loadTask(world.store, task.taskId)).status).toBe('CANCELLED')
    await expectHeadsToEqualFolds(world, [task.taskId])
  })

  it('that was lost in a failover is fenced, though a run of its number is in force', async () => {
    const { world, task, finish } = await setUp()
    const { taskId } = task
    const pending = fold((world.database.streams.get(taskId) ?? []).slice(0, 1))
    world.database.streams.set(taskId, (world.database.streams.get(taskId) ?? []).slice(0, 1))
    if (pending.status === 'NONE') throw new Error('it was submitted')
    world.database.heads.set(toHead(pending))
    const other = await appendCommand(world.store, pending, start(pending))
    expect(other.version).toBe(task.version)
    expect(await finish(succeed(task, '1'))).toBe('fenced')
    expect(await loadTask(world.store, taskId)).toEqual(other)
  })

  it('that was declared lost is fenced, and counted', async () => {
    const { world, task, finish } = await setUp()
    await appendCommand(world.store, task, declareLost(task))
    expect(await finish(succeed(task))).toBe('fenced')
    expect(world.counts.total('outcomes-fenced')).toBe(1)
    expect((await loadTask(world.store, task.taskId)).status).toBe('PENDING')
  })

  it('that another run replaced is fenced', async () => {
    const { world, task, finish } = await setUp()
    const lost = await appendCommand(world.store, task, declareLost(task))
    await appendCommand(world.store, lost, start(lost))
    expect(await finish(succeed(task))).toBe('fenced')
    expect(await loadTask(world.store, task.taskId)).toMatchObject({ status: 'PROCESSING', run: 5 })
  })

  it('of a task that a later release has written to is given up at once, and neither tried again nor guessed', async () => {
    const { world, task, finish } = await setUp((store) => ({
      append: async () => ({ kind: 'conflict', headVersion: 3 }),
      loadStream: (taskId) => store.loadStream(taskId),
    }))
    world.database.undecodable.add(task.taskId)
    expect(await finish(succeed(task))).toBe('fenced')
    expect(world.logger.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { taskId: task.taskId } },
    ])
  })

  it('repairs a head that keeps it from being recorded', async () => {
    const { world, task, finish } = await setUp()
    const head = world.database.heads.find(task.taskId)
    if (head === undefined) throw new Error('there is no head')
    world.database.heads.set({ ...head, version: 9 })
    expect(await finish(succeed(task))).toBe('recorded')
    expect(world.counts.total('heads-repaired')).toBe(1)
    await expectHeadsToEqualFolds(world, [task.taskId])
  })

  it('of a result that cannot be stored becomes a permanent failure that says so', async () => {
    const { world, task, finish } = await setUp((store) => ({
      append: async (append) => {
        if (append.events[0]?.type === 'Succeeded') throw new UnstorableAppendError('the result is too big')
        return store.append(append)
      },
    }))
    expect(await finish(succeed(task))).toBe('recorded')
    const { lastFailure } = (await loadTask(world.store, task.taskId)).facts
    expect(lastFailure).toMatchObject({ cause: 'permanent-error' })
    expect(lastFailure?.error.message).toContain('too big')
  })

  it('asks a store that is away until the lease is over, and then no more', async () => {
    let calls = 0
    const { world, task, finish, endLease } = await setUp(() => ({
      append: () => {
        calls += 1
        return Promise.reject(new StoreUnavailableError('away', 'not-stored'))
      },
    }))
    const finished = finish(succeed(task))
    await world.advance(10_000)
    const callsBefore = calls
    expect(callsBefore).toBeGreaterThan(3)
    endLease()
    expect(await finished).toBe('fenced')
    await world.advance(10_000)
    expect(calls).toBe(callsBefore)
  })
})
