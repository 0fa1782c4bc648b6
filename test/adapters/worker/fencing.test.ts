import { describe, expect, it } from 'vitest'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { WorkerRegistry } from '#application/ports/workers/worker-registry.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { createImaginedProcess } from '../../support/imagined-process.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { loadTask } from '../../support/task-builders.ts'
import { createClient, leaseMs, startMaintenance, startWorker, sweepMs } from '../../support/test-worker.ts'

const typesOf = (world: MemoryWorld, taskId: TaskId) =>
  (world.database.streams.get(taskId) ?? []).map(({ type }) => type)
const statesOf = (world: MemoryWorld) => [...world.database.workers.values()].map(({ state }) => state)

describe('two outages beyond the lease', () => {
  it('leave fifty innocent long tasks in the process that they share', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    let running = 0
    const work = (_: unknown, { signal }: HandlerContext) =>
      new Promise<void>((resolve) => {
        running += 1
        signal.addEventListener('abort', () => {
          running -= 1
          resolve()
        })
      })
    const { process } = await startWorker(world, { work }, { concurrency: 50 })
    startMaintenance(world)
    const taskIds: TaskId[] = []
    for (let task = 0; task < 50; task += 1) taskIds.push(await client.submit())
    for (let outage = 0; outage < 2; outage += 1) {
      await world.advance(2_000)
      process.loseBeats()
      await world.advance(18_000)
      process.findBeats()
      await world.advance(5_000)
    }
    expect(running).toBe(50)
    expect(world.counts.total('dropped-no-process')).toBe(0)
    for (const taskId of taskIds) {
      const failures = (world.database.streams.get(taskId) ?? []).filter(({ type }) => type === 'Failed')
      expect(failures).toMatchObject([{ data: { detail: 'fenced' } }, { data: { detail: 'fenced' } }])
    }
  })
})

describe('a worker whose beats are not acknowledged', () => {
  const begin = async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const contexts: HandlerContext[] = []
    const held: (() => void)[] = []
    const { worker, process } = await startWorker(world, {
      work: (_, context) => {
        contexts.push(context)
        return contexts.length > 1 ? Promise.resolve('second') : new Promise<void>((resolve) => held.push(resolve))
      },
    })
    const taskId = await client.submit()
    await world.advance(100)
    return { world, client, worker, process, taskId, contexts, finish: () => held[0]?.() }
  }

  it('aborts its handlers before its lease is over, and records none of their outcomes', async () => {
    const { world, process, taskId, contexts, finish } = await begin()
    process.loseBeats()
    await world.advance(leaseMs - 1_000)
    expect(contexts[0]?.signal.reason).toMatchObject({ cause: 'fenced' })
    finish()
    await world.advance(100)
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started'])
    expect(world.counts.total('outcomes-fenced')).toBe(1)
  })

  it('goes on as a new incarnation and marks the old one ended, whose runs count as lost at once', async () => {
    const { world, process, taskId, finish, worker } = await begin()
    const { maintenance } = startMaintenance(world)
    process.loseBeats()
    await world.advance(13_500)
    process.findBeats()
    await world.advance(sweepMs * 2)
    expect(world.counts.total('incarnations-fenced')).toBe(1)
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started', 'Failed', 'Retried', 'Started', 'Succeeded'])
    expect(statesOf(world)).toEqual(['live'])
    expect(worker.runningCount()).toBe(1)
    finish()
    await world.advance(100)
    expect(worker.runningCount()).toBe(0)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', result: '"second"' })
    await expectHeadsToEqualFolds(world, [taskId])
    await maintenance.close()
  })

  it('goes on even when the store has long declared it lost', async () => {
    const { world, client, process, taskId } = await begin()
    const { maintenance } = startMaintenance(world)
    await world.advance(leaseMs)
    await client.process.registry.end([...world.database.workers.keys()][0] ?? process.identities.mintIncarnation())
    await world.advance(10_000)
    const next = await client.submit()
    await world.advance(1_000)
    expect((await loadTask(world.store, next)).status).toBe('SUCCESS')
    expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
    await maintenance.close()
  })
})

describe('a worker that fenced itself', () => {
  it('marks its old row ended as soon as the store can be reached, if it could not be at first', async () => {
    const world = createMemoryWorld()
    const process = createImaginedProcess(world)
    const registry: WorkerRegistry = {
      ...world.registry,
      register: async (worker) => {
        const heartbeat = await process.registry.register(worker)
        return { ...heartbeat, stop: async () => {} }
      },
    }
    await startWorker(world, {}, { deps: { registry } })
    process.loseBeats()
    await world.advance(leaseMs)
    expect(statesOf(world).toSorted()).toEqual(['ended', 'live'])
    // It did not die, so no task that it ran comes under suspicion.
    expect([...world.database.workers.values()].find(({ state }) => state === 'ended')?.ended).toBe('fenced')
  })

  it('starts nothing that was loaded for its old incarnation', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const store = {
      ...world.store,
      loadStreams: async (taskIds: Parameters<typeof world.store.loadStreams>[0]) => {
        const loaded = await world.store.loadStreams(taskIds)
        await world.timers.sleep(leaseMs * 2)
        return loaded
      },
    }
    const { process } = await startWorker(world, { work: async () => {} }, { deps: { store } })
    const taskId = await client.submit()
    await world.advance(100)
    process.loseBeats()
    await world.advance(leaseMs)
    process.findBeats()
    await world.advance(leaseMs * 2)
    expect(world.counts.total('incarnations-fenced')).toBe(1)
    expect(typesOf(world, taskId)).toEqual(['Submitted'])
  })
})

describe('a process that was stopped and continued', () => {
  it('records no outcome of the time before, once its lease is over', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    let finish = (): void => {}
    const { process } = await startWorker(world, {
      work: () =>
        new Promise<void>((resolve) => {
          finish = resolve
        }),
    })
    const taskId = await client.submit()
    await world.advance(100)
    process.loseBeats()
    process.pause()
    await world.advance(leaseMs * 2)
    // Continued: what comes first is not a timer but the handler, which ends and wants to be recorded.
    finish()
    process.resume()
    await world.advance(1)
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started'])
    expect(world.counts.total('outcomes-fenced')).toBe(1)
  })

  it('begins no handler when the verdict of its claim comes after its lease', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    let ran = 0
    const slowStore = {
      ...world.store,
      append: async (append: Parameters<typeof world.store.append>[0]) => {
        const verdict = await world.store.append(append)
        await world.timers.sleep(leaseMs)
        return verdict
      },
    }
    const { process } = await startWorker(
      world,
      {
        work: async () => {
          ran += 1
        },
      },
      { deps: { store: slowStore } },
    )
    process.loseBeats()
    const taskId = await client.submit()
    await world.advance(leaseMs * 1.5)
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started'])
    expect(ran).toBe(0)
  })

  it('loses the race for its outcome against the sweeper, and the task is run again elsewhere', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { maintenance } = startMaintenance(world)
    let finish = (): void => {}
    const first = await startWorker(world, {
      work: () =>
        new Promise<string>((resolve) => {
          finish = () => resolve('late')
        }),
    })
    const taskId = await client.submit()
    await world.advance(100)
    first.process.pause()
    await startWorker(world, { work: async () => 'in time' })
    await world.advance(leaseMs + 2 * sweepMs)
    finish()
    first.process.resume()
    await world.advance(10_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({
      status: 'SUCCESS',
      result: '"in time"',
      facts: { attempt: 2 },
    })
    expect(statesOf(world)).toEqual(['live', 'live'])
    await expectHeadsToEqualFolds(world, [taskId])
    await maintenance.close()
  })
})
