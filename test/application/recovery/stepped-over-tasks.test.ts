import { describe, expect, it } from 'vitest'
import { RetryAfterError } from '#application/ports/task-handler.ts'
import { UndecodableStreamError } from '#application/ports/events/event-store.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { createImaginedProcess } from '../../support/imagined-process.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { loadTask } from '../../support/task-builders.ts'
import { createClient, recoverIn, startMaintenance, startWorker } from '../../support/test-worker.ts'

const hourMs = 3_600_000
const scanMs = 10_000

const stepBack = (world: MemoryWorld): void => world.time.setStoreClock(world.storeClock.now() - 3 * hourMs)

const loseHints = async (world: MemoryWorld): Promise<void> => {
  const routes = [{ queue: 'default', type: 'work' }]
  await world.queue.pull({ routes, max: 1_000, waitMs: 0, signal: new AbortController().signal })
}

const statusOf = async (world: MemoryWorld, taskId: TaskId): Promise<string> =>
  (await loadTask(world.store, taskId)).status

describe('an estimate of the clock that is some milliseconds ahead', () => {
  it('is told as no step, as three hours are', async () => {
    const world = createMemoryWorld()
    const process = createImaginedProcess(world)
    const storeClock = { now: () => world.storeClock.now() + 5 }
    const maintenance = recoverIn({ ...process, storeClock }, { leaseMs: 15_000, sweepMs: 2_000, reconcileMs: 2_000 })
    maintenance.start()
    const told = () => world.logger.lines.filter(({ message }) => message.includes('stepped back'))
    await world.advance(2 * scanMs)
    expect(told()).toEqual([])
    stepBack(world)
    await world.advance(2 * scanMs)
    expect(told()).toHaveLength(1)
    await maintenance.close()
  })
})

describe('the clock of the database goes back three hours', () => {
  it('and a ready task whose hint was lost runs all the same', async () => {
    const world = createMemoryWorld()
    const { maintenance } = startMaintenance(world)
    await world.routes.learn([{ queue: 'default', type: 'work' }])
    const taskId = await createClient(world).submit()
    await world.advance(10)
    await loseHints(world)
    stepBack(world)
    await startWorker(world, { work: async () => 'done' })
    await world.advance(2 * scanMs)
    expect(await statusOf(world, taskId)).toBe('SUCCESS')
    await expectHeadsToEqualFolds(world, [taskId])
    await maintenance.close()
  })

  it('and a task with a delay waits it once more and no longer', async () => {
    const world = createMemoryWorld()
    const { maintenance } = startMaintenance(world)
    await startWorker(world, { work: async () => 'done' })
    const taskId = await createClient(world).submit({ due: { delayMs: 60_000 } })
    await world.advance(30_000)
    stepBack(world)
    await world.advance(59_000)
    expect(await statusOf(world, taskId)).toBe('PENDING')
    await world.advance(2 * scanMs)
    expect(await statusOf(world, taskId)).toBe('SUCCESS')
    const { events } = await world.store.loadStream(taskId)
    expect(events.map(({ type }) => type)).toEqual(['Submitted', 'Rescheduled', 'Started', 'Succeeded'])
    await maintenance.close()
  })

  it('and an attempt that fails afterwards is retried after its delay', async () => {
    const world = createMemoryWorld()
    const { maintenance, process } = startMaintenance(world)
    let attempts = 0
    await startWorker(world, {
      work: async () => {
        attempts += 1
        await process.timers.sleep(5_000)
        if (attempts === 1) throw new RetryAfterError(20_000)
        return 'done'
      },
    })
    const taskId = await createClient(world).submit()
    await world.advance(1_000)
    stepBack(world)
    await world.advance(5_000 + 20_000 - 2_000)
    expect(attempts).toBe(1)
    await world.advance(2 * scanMs + 5_000)
    expect(await statusOf(world, taskId)).toBe('SUCCESS')
    await maintenance.close()
  })

  it('and a task that the process whose turn it is cannot read is left to one that can', async () => {
    const world = createMemoryWorld()
    const old = createImaginedProcess(world)
    const taskId = await createClient(world).submit({ due: { delayMs: 5_000 } })
    const loadStream = (): Promise<never> => Promise.reject(new UndecodableStreamError(taskId, 'of a later release'))
    const oldRecovery = recoverIn(
      { ...old, store: { ...old.store, loadStream } },
      { leaseMs: 15_000, sweepMs: 2_000, reconcileMs: 2_000 },
    )
    oldRecovery.start()
    await world.advance(1_500)
    stepBack(world)
    await world.advance(1_500)
    const { maintenance } = startMaintenance(world)
    await startWorker(world, { work: async () => 'done' })
    await world.advance(5 * scanMs)
    expect(await statusOf(world, taskId)).toBe('SUCCESS')
    await Promise.all([maintenance.close(), oldRecovery.close()])
  })

  it('and the reconciler goes on', async () => {
    const world = createMemoryWorld()
    const { maintenance } = startMaintenance(world)
    await startWorker(world, { work: async () => 'done' })
    await world.advance(5_000)
    stepBack(world)
    const before = world.counts.total('reconciliations')
    await world.advance(20_000)
    expect(world.counts.total('reconciliations')).toBeGreaterThan(before + 2)
    await maintenance.close()
  })
})

describe('the clock of the database leaps three hours ahead for some seconds', () => {
  it('and an attempt that failed meanwhile is retried after its delay, though no process that recovers tasks saw the leap', async () => {
    const world = createMemoryWorld()
    const { maintenance, process } = startMaintenance(world)
    let attempts = 0
    await startWorker(world, {
      work: async () => {
        attempts += 1
        await process.timers.sleep(300)
        if (attempts === 1) throw new RetryAfterError(1_000)
      },
    })
    await world.advance(scanMs + 100)
    const taskId = await createClient(world).submit()
    await world.advance(200)
    world.time.setStoreClock(world.storeClock.now() + 3 * hourMs)
    await world.advance(200)
    stepBack(world)
    await world.advance(3 * scanMs)
    expect(await statusOf(world, taskId)).toBe('SUCCESS')
    await maintenance.close()
  })

  it('and an attempt that began meanwhile and fails much later is retried after its delay', async () => {
    const world = createMemoryWorld()
    const { maintenance, process } = startMaintenance(world)
    let attempts = 0
    await startWorker(world, {
      work: async () => {
        attempts += 1
        await process.timers.sleep(1.5 * scanMs)
        if (attempts === 1) throw new RetryAfterError(1_000)
      },
    })
    await world.advance(scanMs + 100)
    const taskId = await createClient(world).submit({ due: { delayMs: 300 } })
    await world.advance(200)
    world.time.setStoreClock(world.storeClock.now() + 3 * hourMs)
    await world.advance(200)
    stepBack(world)
    await world.advance(6 * scanMs)
    expect(await statusOf(world, taskId)).toBe('SUCCESS')
    await maintenance.close()
  })

  it('and a task that was submitted meanwhile waits its delay once, though the process that saw it has ended', async () => {
    const world = createMemoryWorld()
    const witness = startMaintenance(world)
    await world.advance(scanMs)
    world.time.setStoreClock(world.storeClock.now() + 3 * hourMs)
    const taskId = await createClient(world).submit({ due: { delayMs: 1_000 } })
    await world.advance(2_000)
    stepBack(world)
    await world.advance(1_500)
    await witness.maintenance.close()
    const { maintenance } = startMaintenance(world)
    await startWorker(world, { work: async () => 'done' })
    await world.advance(3 * scanMs)
    expect(await statusOf(world, taskId)).toBe('SUCCESS')
    await maintenance.close()
  })
})
