import { describe, expect, it } from 'vitest'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { rankOf } from '#domain/rank.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { loadTask, makeSubmission, range, submitTo } from '../../support/task-builders.ts'
import { createClient, startWorker } from '../../support/test-worker.ts'

const route = { queue: 'default', type: 'work' }

const hint = (world: MemoryWorld, ...taskIds: readonly TaskId[]) =>
  world.queue.push(taskIds.map((taskId, rank) => ({ taskId, route: world.lanes.laneOf(route), rank })))

const setUp = async () => {
  const world = createMemoryWorld()
  const client = createClient(world)
  const ran: string[] = []
  const { worker } = await startWorker(world, {
    work: async (_, { taskId }) => {
      ran.push(taskId)
    },
  })
  return { world, client, worker, ran }
}

describe('hints that are wrong', () => {
  it('repeated ones run a task once', async () => {
    const { world, client, ran } = await setUp()
    const others = await Promise.all(range(3).map(() => startWorker(world, { work: async () => 'elsewhere' })))
    const taskId = await client.submit()
    for (const _ of range(5)) await hint(world, taskId, taskId)
    await world.advance(100)
    for (const _ of range(5)) await hint(world, taskId)
    await world.advance(100)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', facts: { attempt: 1 } })
    expect(ran.length).toBeLessThanOrEqual(1)
    for (const { worker } of others) await worker.drain()
  })

  it('of tasks that do not exist are dropped and counted', async () => {
    const { world, ran } = await setUp()
    await hint(world, mintTaskId())
    await world.advance(100)
    expect(world.counts.total('dropped-not-found')).toBe(1)
    expect(ran).toEqual([])
  })

  it('of tasks that have ended are dropped and counted', async () => {
    const { world, client } = await setUp()
    const taskId = await client.submit()
    await world.advance(100)
    await hint(world, taskId)
    await world.advance(100)
    expect(world.counts.total('dropped-not-startable')).toBe(1)
    expect((await loadTask(world.store, taskId)).version).toBe(3)
  })

  it('that come too early are pushed again at the instant their task is due', async () => {
    const { world, ran } = await setUp()
    const task = await submitTo(world, makeSubmission(route), { delayMs: 1_500 })
    await hint(world, task.taskId)
    await world.advance(1_499)
    expect([ran.length, world.counts.total('dropped-not-due')]).toEqual([0, 1])
    await world.advance(1)
    expect(ran).toEqual([task.taskId])
    expect((await loadTask(world.store, task.taskId)).times.startedAt).toBe(task.times.readyAt)
  })

  it('do not spin when the estimated clock runs ahead of the one that decides', async () => {
    const world = createMemoryWorld()
    const storeClock = { now: () => world.storeClock.now() + 500 }
    const announcer = createReadyAnnouncer({ ...world, storeClock, horizonMs: 3_000 })
    await startWorker(world, { work: async () => {} }, { deps: { announcer } })
    const task = await submitTo(world, makeSubmission(route), { delayMs: 1_000 })
    await hint(world, task.taskId)
    await world.advance(1_000)
    expect(world.counts.total('dropped-not-due')).toBe(1)
    expect((await loadTask(world.store, task.taskId)).status).toBe('SUCCESS')
  })

  it('of a type without a handler here leave its task untouched', async () => {
    const { world, client, ran } = await setUp()
    const taskId = await client.submit({ type: 'unknown' })
    await hint(world, taskId)
    await world.advance(10_000)
    expect((await loadTask(world.store, taskId)).version).toBe(1)
    expect(await world.queue.size({ queue: '*', type: 'unknown' })).toBe(1)
    expect(ran).toEqual([])
  })
})

describe('a worker of some queues', () => {
  it('leaves the others alone', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    await startWorker(world, { work: async () => {} }, { queues: ['slow'] })
    const [own, foreign] = [await client.submit({ queue: 'slow' }), await client.submit()]
    await world.advance(5_000)
    expect((await loadTask(world.store, own)).status).toBe('SUCCESS')
    expect((await loadTask(world.store, foreign)).status).toBe('PENDING')
  })

  it('takes a task of a queue that was never named before, at once', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { worker } = await startWorker(world, { work: async () => {}, rare: async () => {} })
    await world.advance(500)
    const taskId = await client.submit({ queue: 'new' })
    await world.advance(1)
    expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
    await worker.drain()
  })
})

describe('a stream that cannot be read', () => {
  it('is left alone and logged once, and the others of its batch run', async () => {
    const { world, client, worker } = await setUp()
    const broken = await client.submit()
    world.database.undecodable.add(broken)
    const sound = await client.submit()
    await world.advance(100)
    await hint(world, broken)
    await world.advance(100)
    expect((await loadTask(world.store, sound)).status).toBe('SUCCESS')
    expect(world.counts.total('dropped-undecodable')).toBe(2)
    expect(world.logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
    expect(worker.runningCount()).toBe(0)
  })
})

describe('a head that is unlike its events', () => {
  it.each([
    ['is behind', { version: 0 }],
    ['is ahead', { version: 7 }],
    ['says that it runs', { status: 'PROCESSING' as const, readyAt: undefined }],
  ])('and %s is repaired and its task runs', async (_, wrong) => {
    const { world } = await setUp()
    const task = await submitTo(world, makeSubmission(route))
    const head = world.database.heads.find(task.taskId)
    if (head === undefined) throw new Error('there is no head')
    world.database.heads.set({ ...head, ...wrong })
    await hint(world, task.taskId)
    await world.advance(1_000)
    expect((await loadTask(world.store, task.taskId)).status).toBe('SUCCESS')
    await expectHeadsToEqualFolds(world, [task.taskId])
  })

  it('and says that it is runnable long after it ended is repaired', async () => {
    const { world, client } = await setUp()
    const taskId = await client.submit()
    await world.advance(100)
    const head = world.database.heads.find(taskId)
    if (head === undefined) throw new Error('there is no head')
    world.database.heads.set({ ...head, status: 'PENDING', readyAt: world.storeClock.now() })
    await world.queue.push([{ taskId, route: world.lanes.laneOf(route), rank: rankOf(0, 0) }])
    await world.advance(1_000)
    expect(world.counts.total('heads-repaired')).toBe(1)
    await expectHeadsToEqualFolds(world, [taskId])
  })
})
