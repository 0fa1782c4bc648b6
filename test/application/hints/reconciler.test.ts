import { describe, expect, it } from 'vitest'
import { createMemoryTaskQueue } from '#adapters/memory/queue/task-queue.ts'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { createQueueDepth } from '#application/hints/queue-depth.ts'
import { createReconciler, reconcileWindow, refillWindow } from '#application/hints/reconciler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { mintIncarnation } from '../../support/ids.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { loadTask, makeSubmission, range, submitMany, submitTo } from '../../support/task-builders.ts'
import { beatMs, createClient, leaseMs, reconcileMs, startMaintenance, startWorker } from '../../support/test-worker.ts'

const route = { queue: 'default', type: 'work' }
const served = makeSubmission(route)

/** A worker that is registered and pulls nothing. */
const registerWorker = (world: MemoryWorld) =>
  world.registry.register({
    incarnation: mintIncarnation(),
    host: 'test',
    pid: 1,
    queues: ['default'],
    types: ['work'],
    concurrency: 1,
    leaseMs,
    beatMs,
  })

/** After which what became ready no longer counts as on its way. */
const settleMs = 250

const setUp = async (pending: number) => {
  const world = createMemoryWorld()
  await registerWorker(world)
  await submitMany(world, pending, served)
  await world.advance(settleMs)
  const announcer = createReadyAnnouncer({ ...world, horizonMs: 4 * reconcileMs })
  const queueDepth = createQueueDepth()
  const reconciler = createReconciler(
    { ...world, announcer, queueDepth, readWorkers: () => world.registry.readAll() },
    { reconcileMs },
  )
  const controller = new AbortController()
  const pass = () => reconciler.reconcile(controller.signal)
  return { world, queueDepth, pass, stop: () => controller.abort(), size: () => world.queue.size(route) }
}

const takeAll = async (world: MemoryWorld): Promise<readonly TaskId[]> => {
  const taken: TaskId[] = []
  for (let left = 1; left > 0;) {
    const pulled = await world.queue.pull({
      routes: [route],
      max: 1_000,
      waitMs: 0,
      signal: new AbortController().signal,
    })
    taken.push(...pulled.taskIds)
    left = pulled.left
  }
  return taken
}

describe('the reconciler', () => {
  it('pushes what the queue lost, and counts it', async () => {
    const { world, pass, size } = await setUp(3)
    await pass()
    expect(await size()).toBe(3)
    expect(world.counts.total('reconciled')).toBe(3)
  })

  it('leaves alone what became ready just now, and is on its way', async () => {
    const { world, pass, size } = await setUp(0)
    await submitTo(world, served)
    await world.advance(settleMs - 1)
    await pass()
    expect(await size()).toBe(0)
    await world.advance(reconcileMs)
    await pass()
    expect(await size()).toBe(1)
  })

  it('leaves alone what no live worker serves', async () => {
    const { world, pass } = await setUp(0)
    const foreign = [
      makeSubmission(),
      makeSubmission({ ...route, queue: 'other' }),
      makeSubmission({ ...route, type: 't' }),
    ]
    for (const submission of foreign) await submitTo(world, submission)
    await world.advance(settleMs)
    await pass()
    expect(world.counts.total('reconciled')).toBe(0)
  })

  it('leaves alone what only workers serve that drain or have ended', async () => {
    const world = createMemoryWorld()
    const heartbeat = await registerWorker(world)
    await submitTo(world, served)
    const announcer = createReadyAnnouncer({ ...world, horizonMs: 1 })
    const reconciler = createReconciler(
      { ...world, announcer, queueDepth: createQueueDepth(), readWorkers: () => world.registry.readAll() },
      { reconcileMs },
    )
    const pushedInPass = async () => {
      await world.advance(2 * beatMs)
      const before = world.counts.total('reconciled')
      await reconciler.reconcile(new AbortController().signal)
      return world.counts.total('reconciled') - before
    }
    expect(await pushedInPass()).toBe(1)
    heartbeat.report({ running: 0, state: 'draining' })
    expect(await pushedInPass()).toBe(0)
    await heartbeat.stop()
    expect(await pushedInPass()).toBe(0)
  })

  it('does one pass at a time and no sooner than due', async () => {
    const { world, pass } = await setUp(1)
    await Promise.all([pass(), pass()])
    await pass()
    expect(world.counts.total('reconciled')).toBe(1)
    await world.advance(reconcileMs)
    await pass()
    expect(world.counts.total('reconciled')).toBe(2)
  })

  it('walks on behind the front, so that no number of refused ids hides those behind them', async () => {
    const { world } = await setUp(3 * reconcileWindow)
    // A queue that is full enough asks for no refill.
    const full = { ...world, queue: { ...world.queue, size: async () => 50_000 } }
    const announcer = createReadyAnnouncer({ ...full, horizonMs: 1 })
    const reconciler = createReconciler(
      { ...full, announcer, queueDepth: createQueueDepth(), readWorkers: () => full.registry.readAll() },
      { reconcileMs },
    )
    const seen = new Set<TaskId>()
    for (const _ of range(4)) {
      const done = reconciler.reconcile(new AbortController().signal)
      await world.advance(reconcileMs)
      await done
      const taken = await takeAll(world)
      expect(taken.length).toBeLessThanOrEqual(2 * reconcileWindow)
      for (const taskId of taken) seen.add(taskId)
    }
    expect(seen.size).toBe(3 * reconcileWindow)
  })

  it('pushes hints that were lost at the front in each pass, and those in the middle in each walk', async () => {
    const { world } = await setUp(3 * reconcileWindow)
    const full = { ...world, queue: { ...world.queue, size: async () => 50_000 } }
    const announcer = createReadyAnnouncer({ ...full, horizonMs: 1 })
    const reconciler = createReconciler(
      { ...full, announcer, queueDepth: createQueueDepth(), readWorkers: () => full.registry.readAll() },
      { reconcileMs },
    )
    const front = new Set<TaskId>()
    const pushes = new Map<TaskId, number>()
    for (const pass of range(9)) {
      const done = reconciler.reconcile(new AbortController().signal)
      await world.advance(reconcileMs)
      await done
      // All of them are lost: pulled, and never started.
      const taken = await takeAll(world)
      if (pass === 0) for (const taskId of taken) front.add(taskId)
      expect(front.difference(new Set(taken)).size, `pass ${pass}`).toBe(0)
      for (const taskId of taken) pushes.set(taskId, (pushes.get(taskId) ?? 0) + 1)
    }
    expect(front.size).toBe(reconcileWindow)
    expect(pushes.size).toBe(3 * reconcileWindow)
    // Two walks, each of three windows and an empty one.
    expect(Math.min(...pushes.values())).toBe(2)
  })

  it('sets timers that push what is due soon at its instant', async () => {
    const { world, pass, size } = await setUp(0)
    await submitTo(world, served, { delayMs: 1_700 })
    await pass()
    await world.advance(1_699)
    expect(await size()).toBe(0)
    await world.advance(1)
    expect(await size()).toBe(1)
  })
})

describe('a queue that runs dry', () => {
  // It submits 22,000 tasks first: on a machine with other work that alone takes seconds.
  it('is refilled at once, in large windows', { timeout: 30_000 }, async () => {
    const { world, queueDepth, pass, stop } = await setUp(2 * reconcileWindow + 2 * refillWindow)
    const done = pass()
    await world.advance(100)
    const first = await takeAll(world)
    expect(first.length).toBe(reconcileWindow + refillWindow)
    queueDepth.note(0)
    await world.advance(100)
    expect((await takeAll(world)).length).toBe(refillWindow)
    stop()
    await world.advance(100)
    await done
  })

  it('is left alone when the walk was not full, whatever pulls say', async () => {
    const { world, queueDepth, pass } = await setUp(10)
    await pass()
    await takeAll(world)
    queueDepth.note(0)
    await world.advance(1_000)
    expect(await takeAll(world)).toEqual([])
  })

  it('does not spin over tasks that are refused again and again', async () => {
    const { world, queueDepth, pass } = await setUp(3 * reconcileWindow)
    const done = pass()
    for (const _ of range(15)) {
      await takeAll(world)
      queueDepth.note(0)
      await world.advance(100)
    }
    await world.advance(1_000)
    await done
    expect(world.counts.total('reconciled')).toBe(3 * reconcileWindow)
  })
})

describe('six processes that do not reach the queue', () => {
  it('do not keep the one that does from reconciling', async () => {
    const world = createMemoryWorld()
    const unreachable: typeof world.queue = {
      push: () => Promise.reject(new Error('Redis is away')),
      pull: () => Promise.reject(new Error('Redis is away')),
      size: () => Promise.reject(new Error('Redis is away')),
    }
    for (const _ of range(6)) startMaintenance({ ...world, queue: unreachable })
    startMaintenance(world)
    await startWorker(world, { work: async () => {} })
    await world.advance(5 * reconcileMs)
    // Without a hint: only the reconciler can find them.
    const tasks = await submitMany(world, 20, served)
    await world.advance(5_000)
    for (const { taskId } of tasks) expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
  })
})

describe('a fleet whose hints are lost', () => {
  it('runs a task whose push was lost within five seconds', async () => {
    const world = createMemoryWorld()
    await startWorker(world, { work: async () => {} })
    startMaintenance(world)
    const { taskId } = await submitTo(world, served)
    await world.advance(5_000)
    expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
  })

  it('runs everything after its queue was emptied', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    startMaintenance(world)
    const taskIds = await Promise.all(range(3_000).map(() => client.submit()))
    await world.advance(10)
    await takeAll(world)
    await startWorker(world, { work: async () => {} }, { concurrency: 50 })
    await world.advance(5_000)
    for (const taskId of taskIds) expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
  })

  it('runs everything although its queue holds only a few', async () => {
    const world = createMemoryWorld()
    const small = { ...world, queue: createMemoryTaskQueue({ timers: world.timers, queueIdsMax: 50 }) }
    startMaintenance(small)
    await submitMany(small, 500, served)
    await startWorker(small, { work: async () => {} }, { concurrency: 50 })
    await world.advance(60_000)
    const heads = await world.index.listHeads({ status: 'SUCCESS', limit: 1_000 })
    expect(heads).toHaveLength(500)
  })

  it('meets due instants far ahead', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const late: number[] = []
    const run = async (payload: unknown) => {
      late.push(world.storeClock.now() - Number(payload))
    }
    await startWorker(world, { work: run })
    startMaintenance(world)
    for (const delayMs of [500, 4_321, 9_876, 17_171]) {
      const runAt = world.storeClock.now() + delayMs
      await client.submit({ payload: `${runAt}`, due: { runAt } })
    }
    await world.advance(20_000)
    expect(late).toEqual([0, 0, 0, 0])
  })
})
