import { describe, expect, it } from 'vitest'
import { cancelTask } from '#application/commands/person-commands.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { loadTask, range } from '../../support/task-builders.ts'
import { createClient, drainMs, startWorker } from '../../support/test-worker.ts'

const typesOf = (world: MemoryWorld, taskId: TaskId) =>
  (world.database.streams.get(taskId) ?? []).map(({ type }) => type)
const statesOf = (world: MemoryWorld) => [...world.database.workers.values()].map(({ state }) => state)

const begin = async (run: (context: HandlerContext, world: MemoryWorld) => Promise<unknown>, concurrency = 1) => {
  const world = createMemoryWorld()
  const client = createClient(world)
  const { worker } = await startWorker(world, { work: (_, context) => run(context, world) }, { concurrency })
  const taskId = await client.submit()
  await world.advance(100)
  let state: 'draining' | 'drained' = 'draining'
  const drain = () => void worker.drain().then(() => (state = 'drained'))
  return { world, client, worker, taskId, drain, state: () => state }
}

const untilAborted = (context: HandlerContext) =>
  new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(new Error('stopped'))))

describe('a worker that drains', () => {
  it('lets its handlers finish, pulls nothing more, beats on, and then ends its row', async () => {
    const { world, client, taskId, drain, state } = await begin((_, { timers }) => timers.sleep(20_000))
    drain()
    const late = await client.submit()
    await world.advance(19_000)
    expect([state(), ...statesOf(world)]).toEqual(['draining', 'draining'])
    const [row] = world.database.workers.values()
    expect(world.storeClock.now() - (row?.lastBeatAt ?? 0)).toBeLessThan(3_100)
    await world.advance(1_500)
    expect([state(), ...statesOf(world)]).toEqual(['drained', 'ended'])
    expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
    expect(typesOf(world, late)).toEqual(['Submitted'])
  })

  it('hands back unspent the runs whose handlers do not return in time', async () => {
    const { world, taskId, drain, state } = await begin(untilAborted)
    drain()
    await world.advance(drainMs + 1_000)
    expect(state()).toBe('drained')
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started', 'Released'])
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'PENDING', facts: { attempt: 0 } })
    expect(await world.queue.size({ queue: '*', type: 'work' })).toBe(1)
  })

  it('hands back a run whose handler ignores its signal when the grace is over, and ends', async () => {
    const { world, taskId, drain, state } = await begin(() => new Promise(() => {}))
    drain()
    await world.advance(drainMs + 11_000)
    expect(state()).toBe('drained')
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started', 'Released'])
  })

  it('cancels a run whose cancellation was requested instead of handing it back', async () => {
    const { world, client, taskId, drain } = await begin(() => new Promise(() => {}))
    drain()
    await world.advance(drainMs + 1_000)
    const deaf = { ...client.process, signals: { announce: async () => {}, subscribe: () => () => {} } }
    await cancelTask(deaf, { taskId, context: {} })
    await world.advance(12_000)
    expect(world.database.streams.get(taskId)?.at(-1)).toMatchObject({ type: 'Cancelled', data: { cause: 'shutdown' } })
  })

  it('loses no attempt of many in a rolling restart, and another worker goes on at once', async () => {
    const { world, client, drain, worker } = await begin((_, { timers }) => timers.sleep(50), 5)
    const taskIds = await Promise.all(range(200).map(() => client.submit()))
    await startWorker(world, { work: () => world.timers.sleep(50) }, { concurrency: 5 })
    await world.advance(500)
    drain()
    await world.advance(8_000)
    expect(worker.runningCount()).toBe(0)
    for (const taskId of taskIds)
      expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', facts: { attempt: 1 } })
  })

  it('hints again at the tasks that it was loading', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const store = {
      ...world.store,
      loadStreams: async (taskIds: Parameters<typeof world.store.loadStreams>[0]) => {
        await world.timers.sleep(500)
        return world.store.loadStreams(taskIds)
      },
    }
    const { worker } = await startWorker(world, { work: async () => {} }, { deps: { store } })
    const taskId = await client.submit()
    await world.advance(100)
    const drained = worker.drain()
    await world.advance(1_000)
    await drained
    expect(typesOf(world, taskId)).toEqual(['Submitted'])
    expect(await world.queue.size({ queue: '*', type: 'work' })).toBe(1)
  })

  it('hands back a claim whose verdict comes while it drains', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    let ran = 0
    const store = {
      ...world.store,
      append: async (append: Parameters<typeof world.store.append>[0]) => {
        await world.timers.sleep(500)
        return world.store.append(append)
      },
    }
    const run = async () => {
      ran += 1
    }
    const { worker } = await startWorker(world, { work: run }, { deps: { store } })
    const taskId = await client.submit()
    await world.advance(100)
    const drained = worker.drain()
    await world.advance(2_000)
    await drained
    expect(typesOf(world, taskId)).toEqual(['Submitted', 'Started', 'Released'])
    expect(ran).toBe(0)
  })
})
