import { describe, expect, it } from 'vitest'
import { createLeaseWatch } from '#application/recovery/lease-watch.ts'
import type { Incarnation } from '#domain/identifiers.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { mintIncarnation } from '../../support/ids.ts'
import { createImaginedProcess } from '../../support/imagined-process.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { start } from '../../support/run-commands.ts'
import { appendCommand, loadTask, makeSubmission, range, submitTo } from '../../support/task-builders.ts'
import { createClient, leaseMs, recoverIn, startMaintenance, startWorker, sweepMs } from '../../support/test-worker.ts'

const forever = () => new Promise(() => {})

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

describe('the watch over a lease', () => {
  const incarnation = mintIncarnation()
  const observe = (readings: readonly (readonly [atMs: number, beat: number | undefined])[]) => {
    const watch = createLeaseWatch()
    let silent: readonly Incarnation[] = []
    for (const [atMs, beat] of readings) {
      const watched = new Map([[incarnation, { beat, leaseMs: 9_000 }]])
      silent = watch.observe({ askedAtMs: atMs, answeredAtMs: atMs, watched })
    }
    return silent.length === 0 ? 'alive' : 'silent'
  }
  const every = (stepMs: number, count: number, beat: number | undefined) =>
    range(count).map((step) => [step * stepMs, beat] as const)

  it.each([
    ['the same beat over a whole lease', every(3_000, 4, 7), 'silent'],
    ['no row over a whole lease', every(3_000, 4, undefined), 'silent'],
    ['the same beat for less', every(2_900, 4, 7), 'alive'],
    ['readings too far apart', every(3_001, 10, 7), 'alive'],
    ['one gap in the middle', [...every(3_000, 3, 7), [9_500, 7], [12_000, 7], [15_000, 7]] as const, 'alive'],
    ['another beat at last', [...every(3_000, 3, 7), [9_000, 8]] as const, 'alive'],
    [
      'a beat, then a lease of silence',
      [[0, 7], ...every(3_000, 4, 8).map(([at]) => [at + 3_000, 8] as const)] as const,
      'silent',
    ],
  ])('%s means %s', (_, readings, verdict) => {
    expect(observe(readings)).toBe(verdict)
  })
})
