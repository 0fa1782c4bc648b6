import { describe, expect, it } from 'vitest'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { createQueueDepth } from '#application/hints/queue-depth.ts'
import { createReconciler } from '#application/hints/reconciler.ts'
import { mintIncarnation } from '../../support/ids.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { makeSubmission, range, submitMany } from '../../support/task-builders.ts'
import { beatMs, leaseMs, reconcileMs } from '../../support/test-worker.ts'

/** After which what became ready no longer counts as on its way. */
const settleMs = 250

describe('a reconciler of thousands of queues', () => {
  const inQueues = async (queues: number, each: number) => {
    const world = createMemoryWorld()
    await world.registry.register({
      incarnation: mintIncarnation(),
      host: 'test',
      pid: 1,
      queues: undefined,
      types: ['work'],
      concurrency: 1,
      leaseMs,
      beatMs,
    })
    for (const place of range(queues))
      await submitMany(world, each, makeSubmission({ type: 'work', queue: `q${place}` }))
    await world.advance(settleMs)
    let pushes = 0
    const queue: typeof world.queue = {
      ...world.queue,
      push: (hints) => {
        pushes += 1
        return world.queue.push(hints)
      },
    }
    const announcer = createReadyAnnouncer({ ...world, queue, horizonMs: 4 * reconcileMs })
    const deps = {
      ...world,
      queue,
      announcer,
      queueDepth: createQueueDepth(),
      readWorkers: () => world.registry.readAll(),
    }
    return { world, deps, pushes: () => pushes }
  }

  it('pushes their hints in as few pushes as those of one, into a lane that all share', async () => {
    const { world, deps, pushes } = await inQueues(3_000, 2)
    await createReconciler(deps, { reconcileMs }).reconcile(new AbortController().signal)
    expect(await world.queue.size({ queue: '*', type: 'work' })).toBe(6_000)
    expect(pushes()).toBe(6)
  })

  it('looks at none that is empty', async () => {
    const { world, deps } = await inQueues(1, 1)
    await world.routes.learn(range(3_000).map((place) => ({ type: 'work', queue: `empty${place}` })))
    const asked: number[] = []
    const { runnable } = world
    const watched: typeof runnable = {
      ...runnable,
      readDue: (windows) => {
        asked.push(windows.length)
        return runnable.readDue(windows)
      },
    }
    const reconciler = createReconciler({ ...deps, runnable: watched }, { reconcileMs })
    await reconciler.reconcile(new AbortController().signal)
    expect(asked).toEqual([1])
  })
})
