import { describe, expect, it } from 'vitest'
import { type EventStore, StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { Task } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { declareLost, start } from '../../support/run-commands.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { appendCommand, loadTask, makeSubmission, range, submitTo } from '../../support/task-builders.ts'
import { createClient, startWorker } from '../../support/test-worker.ts'

const route = { queue: 'default', type: 'work' }

/** The world's queue, which the test can take away. */
const createFickleQueue = (world: MemoryWorld) => {
  let state: 'there' | 'away' = 'there'
  let pulls = 0
  const queue: TaskQueue = {
    ...world.queue,
    pull: async (request) => {
      pulls += 1
      if (state === 'away') throw new Error('the queue is away')
      return world.queue.pull(request)
    },
  }
  return { queue, goAway: () => (state = 'away'), comeBack: () => (state = 'there'), pulls: () => pulls }
}

describe('a worker whose queue is away', () => {
  it('takes due tasks from the heads, at most ten times a second, and says so once', async () => {
    const world = createMemoryWorld()
    const { queue, goAway } = createFickleQueue(world)
    goAway()
    let reads = 0
    const runnable = {
      ...world.runnable,
      readDue: (...windows: Parameters<typeof world.runnable.readDue>) => {
        reads += 1
        return world.runnable.readDue(...windows)
      },
    }
    await startWorker(world, { work: async () => {} }, { concurrency: 5, deps: { queue, runnable } })
    const tasks = await Promise.all(range(100).map(() => submitTo(world, makeSubmission(route))))
    await world.advance(10_000)
    for (const { taskId } of tasks) expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
    expect(reads).toBeLessThanOrEqual(100)
    expect(world.logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    await expectHeadsToEqualFolds(
      world,
      tasks.map(({ taskId }) => taskId),
    )
  })

  it('runs the tasks behind any number of tasks that are refused again and again', async () => {
    const world = createMemoryWorld()
    const { queue, goAway } = createFickleQueue(world)
    const refused = await Promise.all(range(60).map(() => submitTo(world, makeSubmission(route))))
    for (const { taskId } of refused) world.database.undecodable.add(taskId)
    await world.advance(1_000)
    const behind = await submitTo(world, makeSubmission(route))
    goAway()
    await startWorker(world, { work: async () => {} }, { concurrency: 3, deps: { queue } })
    await world.advance(10_000)
    expect((await loadTask(world.store, behind.taskId)).status).toBe('SUCCESS')
  })

  it('goes back to the queue as soon as a pull succeeds', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { queue, goAway, comeBack } = createFickleQueue(world)
    goAway()
    await startWorker(world, { work: async () => {} }, { deps: { queue } })
    await world.advance(5_000)
    comeBack()
    await world.advance(500)
    const taskId = await client.submit()
    await world.advance(1)
    expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
  })
})

/** The world's store, of which the test scripts the next appends. */
const createFickleStore = (world: MemoryWorld) => {
  const script: ((append: Parameters<EventStore['append']>[0]) => Promise<never>)[] = []
  const store: EventStore = {
    ...world.store,
    append: async (append) => {
      const next = script.shift()
      return next === undefined ? world.store.append(append) : next(append)
    },
  }
  return { store, script }
}

describe('a worker whose store is away', () => {
  const away = () => Promise.reject(new StoreUnavailableError('away', 'not-stored'))
  const overloaded = () => Promise.reject(new StoreOverloadedError('full'))

  it('loses no outcome', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { store, script } = createFickleStore(world)
    const run = async () => {
      script.push(away, overloaded, away, away)
      return 'kept'
    }
    await startWorker(world, { work: run }, { deps: { store } })
    const taskId = await client.submit()
    await world.advance(5_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', result: '"kept"' })
  })

  it('runs a handler once when its claim was stored but the answer was lost', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { store, script } = createFickleStore(world)
    let ran = 0
    script.push(async (append) => {
      await world.store.append(append)
      throw new StoreUnavailableError('the answer was lost', 'unknown')
    })
    const run = async () => {
      ran += 1
    }
    await startWorker(world, { work: run }, { deps: { store } })
    const taskId = await client.submit()
    await world.advance(5_000)
    expect(ran).toBe(1)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', version: 3 })
  })

  it.each([
    ['a cancel', () => [{ type: 'Cancel' as const }], 'CANCELLED'],
    [
      'another run',
      (task: Task) => [declareLost(task), start({ ...task, times: { ...task.times, readyAt: 1e15 } })],
      'PROCESSING',
    ],
  ])('begins no handler when %s followed the claim before its answer came', async (_, followers, status) => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { store, script } = createFickleStore(world)
    let ran = 0
    script.push(async (append) => {
      await world.store.append(append)
      let task = await loadTask(world.store, append.taskId)
      for (const command of followers(task)) task = await appendCommand(world.store, task, command)
      throw new StoreUnavailableError('the answer was lost', 'unknown')
    })
    const run = async () => {
      ran += 1
    }
    await startWorker(world, { work: run }, { deps: { store } })
    const taskId = await client.submit()
    await world.advance(5_000)
    expect(ran).toBe(0)
    expect((await loadTask(world.store, taskId)).status).toBe(status)
    await expectHeadsToEqualFolds(world, [taskId])
  })

  it('records an outcome once when it was stored but the answer was lost', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { store, script } = createFickleStore(world)
    const run = async () => {
      script.push(async (append) => {
        await world.store.append(append)
        throw new StoreUnavailableError('the answer was lost', 'unknown')
      })
    }
    await startWorker(world, { work: run }, { deps: { store } })
    const taskId = await client.submit()
    await world.advance(5_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', version: 3 })
    expect(world.counts.total('outcomes-fenced')).toBe(0)
  })

  it('loads the tasks that it pulled once the store is back', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    let failures = 5
    const store: EventStore = {
      ...world.store,
      loadStreams: (taskIds) => {
        failures -= 1
        return failures >= 0 ? away() : world.store.loadStreams(taskIds)
      },
    }
    await startWorker(world, { work: async () => {} }, { deps: { store } })
    const taskId = await client.submit()
    await world.advance(5_000)
    expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
  })
})

describe('the health of a worker', () => {
  it('is good while it pulls and beats, and tells which of them stopped', async () => {
    const world = createMemoryWorld()
    const { queue } = createFickleQueue(world)
    const { worker, process } = await startWorker(world, { work: async () => {} }, { deps: { queue } })
    const ok = () => worker.readHealth().map(({ name, ok: good }) => [name, good])
    await world.advance(20_000)
    expect(ok()).toEqual([
      ['pull', true],
      ['beat', true],
    ])
    process.loseBeats()
    await world.advance(10_000)
    expect(ok()).toEqual([
      ['pull', true],
      ['beat', false],
    ])
  })

  it('is bad when its reads have failed from the start, although no task of its types was ever named', async () => {
    const world = createMemoryWorld()
    const { queue, goAway } = createFickleQueue(world)
    goAway()
    const runnable = {
      ...world.runnable,
      readRoutes: () => Promise.reject(new StoreUnavailableError('away', 'not-stored')),
    }
    const { worker } = await startWorker(world, { work: async () => {} }, { deps: { queue, runnable } })
    await world.advance(6_000)
    expect(worker.readHealth()[0]).toMatchObject({ name: 'pull', ok: false })
  })

  it('is bad when neither the queue nor the heads answer, and good again when they do', async () => {
    const world = createMemoryWorld()
    const { queue, goAway, comeBack } = createFickleQueue(world)
    const runnable = {
      ...world.runnable,
      readDue: () => Promise.reject(new StoreUnavailableError('away', 'not-stored')),
    }
    const { worker } = await startWorker(world, { work: async () => {} }, { deps: { queue, runnable } })
    goAway()
    await world.advance(10_000)
    expect(worker.readHealth()[0]).toMatchObject({ name: 'pull', ok: false })
    comeBack()
    await world.advance(1_000)
    expect(worker.readHealth()[0]).toMatchObject({ name: 'pull', ok: true })
  })
})
