import { describe, expect, it } from 'vitest'
import { createRecentRead } from '#application/mechanisms/recent-read.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { mintIncarnation } from '../../support/ids.ts'
import { createImaginedProcess } from '../../support/imagined-process.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { start, succeed } from '../../support/run-commands.ts'
import { appendCommand, loadTask, makeSubmission, range, submitTo } from '../../support/task-builders.ts'
import {
  beatMs,
  createClient,
  leaseMs,
  recoverIn,
  startMaintenance,
  startWorker,
  sweepMs,
} from '../../support/test-worker.ts'

const forever = () => new Promise(() => {})

const description = {
  host: 'test',
  pid: 1,
  queues: undefined,
  types: ['work'],
  concurrency: 1,
  leaseMs,
  beatMs,
}

/** A worker that runs one task which never ends. */
const begin = async (world: MemoryWorld) => {
  const client = createClient(world)
  const { process } = await startWorker(world, { work: forever })
  const taskId = await client.submit()
  await world.advance(100)
  return { client, process, taskId }
}

describe('the sweeper', () => {
  it('gives a killed worker’s task back within lease and sweep, spent, and forgets the worker', async () => {
    const world = createMemoryWorld()
    const { process, taskId } = await begin(world)
    const { maintenance } = startMaintenance(world)
    await world.advance(5_000)
    process.kill()
    await startWorker(world, { work: async () => 'elsewhere' })
    await world.advance(leaseMs + 2 * sweepMs)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', facts: { attempt: 2 } })
    await world.advance(2 * sweepMs)
    expect(world.database.workers.size).toBe(1)
    expect([world.counts.total('workers-lost'), world.counts.total('runs-lost')]).toEqual([1, 1])
    await expectHeadsToEqualFolds(world, [taskId])
    await maintenance.close()
  })

  it('leaves a worker alone that beats, for any length of time', async () => {
    const world = createMemoryWorld()
    const { taskId } = await begin(world)
    const { maintenance } = startMaintenance(world)
    await world.advance(50_000)
    expect((await loadTask(world.store, taskId)).version).toBe(2)
    await maintenance.close()
  })

  it('takes a run whose incarnation has no row for lost after a whole lease', async () => {
    const world = createMemoryWorld()
    const { maintenance } = startMaintenance(world)
    const task = await submitTo(world)
    await appendCommand(world.store, task, start(task))
    await world.advance(leaseMs)
    expect((await loadTask(world.store, task.taskId)).status).toBe('PROCESSING')
    await world.advance(2 * sweepMs)
    expect(await loadTask(world.store, task.taskId)).toMatchObject({
      status: 'PENDING',
      facts: { lastFailure: { cause: 'worker-lost' } },
    })
    await maintenance.close()
  })

  it('takes a run under an ended row for lost at once', async () => {
    const world = createMemoryWorld()
    const { process, taskId } = await begin(world)
    const { maintenance } = startMaintenance(world)
    const [incarnation = mintIncarnation()] = world.database.workers.keys()
    process.kill()
    await world.registry.end(incarnation)
    await world.advance(2 * sweepMs)
    expect(await loadTask(world.store, taskId)).toMatchObject({ facts: { lastFailure: { cause: 'worker-lost' } } })
    await maintenance.close()
  })

  it('believes the thread that watched while handlers held its own loop, unless the worker has beaten since', async () => {
    const world = createMemoryWorld()
    const { process, taskId } = await begin(world)
    const [incarnation = mintIncarnation()] = world.database.workers.keys()
    process.kill()
    const beat = world.database.workers.get(incarnation)?.beat ?? 0
    let silent = [{ incarnation, beat: beat - 1 }]
    const watcher = createImaginedProcess(world)
    const registry = { ...watcher.registry, findSilent: () => silent }
    const maintenance = recoverIn({ ...watcher, registry }, { leaseMs, sweepMs, reconcileMs: 2_000 })
    maintenance.start()
    await world.advance(2 * sweepMs)
    expect((await loadTask(world.store, taskId)).status).toBe('PROCESSING')
    silent = [{ incarnation, beat }]
    await world.advance(2 * sweepMs)
    expect(await loadTask(world.store, taskId)).toMatchObject({ facts: { lastFailure: { cause: 'worker-lost' } } })
    await maintenance.close()
  })

  it('recovers more runs than a batch holds, past those that cannot be read', async () => {
    const world = createMemoryWorld()
    const incarnation = mintIncarnation()
    const tasks = await Promise.all(range(1_200).map(() => submitTo(world, makeSubmission())))
    for (const task of tasks) await appendCommand(world.store, task, start(task, incarnation))
    for (const { taskId } of tasks.slice(0, 600)) world.database.undecodable.add(taskId)
    const { maintenance } = startMaintenance(world)
    await world.advance(leaseMs + 2 * sweepMs)
    expect(world.counts.total('runs-lost')).toBe(600)
    await maintenance.close()
  })

  it('hints at what it gave back, so that another worker takes it without the reconciler', async () => {
    const world = createMemoryWorld()
    const { process, taskId } = await begin(world)
    const watcher = createImaginedProcess(world)
    // One pass at its start, which finds nothing, and none for days.
    const maintenance = recoverIn(watcher, { leaseMs, sweepMs, reconcileMs: 1_000_000_000 })
    maintenance.start()
    await world.advance(1_000)
    process.kill()
    await startWorker(world, { work: async () => 'elsewhere' })
    await world.advance(leaseMs + 2 * sweepMs)
    expect((await loadTask(world.store, taskId)).status).toBe('SUCCESS')
    expect(world.counts.total('reconciled')).toBe(0)
    await maintenance.close()
  })

  it('keeps an ended row while a head names its incarnation, so that the run is lost at once when it can be read', async () => {
    const world = createMemoryWorld()
    const { process, taskId } = await begin(world)
    const { maintenance } = startMaintenance(world)
    const [incarnation = mintIncarnation()] = world.database.workers.keys()
    process.kill()
    world.database.undecodable.add(taskId)
    await world.registry.end(incarnation)
    await world.advance(3 * sweepMs)
    expect(world.database.workers.has(incarnation)).toBe(true)
    world.database.undecodable.delete(taskId)
    await world.advance(2 * sweepMs)
    expect(await loadTask(world.store, taskId)).toMatchObject({ facts: { lastFailure: { cause: 'worker-lost' } } })
    await world.advance(2 * sweepMs)
    expect(world.database.workers.has(incarnation)).toBe(false)
    await maintenance.close()
  })

  it('keeps the row of a worker that claims a task and ends between its two readings', async () => {
    const world = createMemoryWorld()
    const incarnation = mintIncarnation()
    const heartbeat = await world.registry.register({ ...description, incarnation })
    const task = await submitTo(world)
    const watcher = createImaginedProcess(world)
    let readings = 0
    /** After the first of the two readings, whichever it is. */
    const read = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
      const answer = await ask()
      readings += 1
      if (readings === 1) {
        await appendCommand(world.store, task, start(task, incarnation))
        await heartbeat.stop()
      }
      return answer
    }
    const runs = { ...world.runs, listRunningIncarnations: () => read(() => world.runs.listRunningIncarnations()) }
    const workers = createRecentRead(world.clock, () => read(() => world.registry.readAll()))
    const heads = { ...watcher.heads, runs }
    const maintenance = recoverIn({ ...watcher, heads, workers }, { leaseMs, sweepMs, reconcileMs: 1_000_000_000 })
    maintenance.start()
    await world.advance(sweepMs - 1)
    expect(world.database.workers.has(incarnation)).toBe(true)
    await world.advance(2 * sweepMs)
    expect(await loadTask(world.store, task.taskId)).toMatchObject({ facts: { lastFailure: { cause: 'worker-lost' } } })
    await maintenance.close()
  })

  it('has a head looked at under which no run can be recovered', async () => {
    const world = createMemoryWorld()
    const task = await submitTo(world)
    const running = await appendCommand(world.store, task, start(task))
    const head = world.database.heads.find(task.taskId)
    await appendCommand(world.store, running, succeed(running))
    if (head === undefined) throw new Error('there is no head')
    world.database.heads.set(head)
    const { maintenance } = startMaintenance(world)
    await world.advance(leaseMs + 3 * sweepMs)
    await expectHeadsToEqualFolds(world, [task.taskId])
    expect([world.counts.total('heads-repaired'), world.counts.total('runs-lost')]).toEqual([1, 0])
    await maintenance.close()
  })

  it('after a pause of its own watches anew', async () => {
    const world = createMemoryWorld()
    const { process } = await startWorker(world, { work: forever })
    process.kill()
    const { maintenance, process: sweeping } = startMaintenance(world)
    await world.advance(10_000)
    sweeping.pause()
    await world.advance(20_000)
    sweeping.resume()
    await world.advance(leaseMs - sweepMs)
    expect(world.counts.total('workers-lost')).toBe(0)
    await world.advance(2 * sweepMs)
    expect(world.counts.total('workers-lost')).toBe(1)
    await maintenance.close()
  })
})
