import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { ProgressBoard } from '#application/ports/ledger/progress-board.ts'
import { findTaskWithProgress } from '#application/queries/find-task.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { range } from '../../support/task-builders.ts'
import { createClient, startWorker } from '../../support/test-worker.ts'

/** A board that tells how often it was written to, and may be away. */
const watchBoard = (board: ProgressBoard) => {
  let state: 'here' | 'away' = 'here'
  const writes: number[] = []
  return {
    writes,
    leave: () => (state = 'away'),
    comeBack: () => (state = 'here'),
    board: {
      find: (taskId) => board.find(taskId),
      write: async (reports) => {
        writes.push(reports.length)
        if (state === 'away') throw new StoreUnavailableError('away', 'unknown')
        await board.write(reports)
      },
    } satisfies ProgressBoard,
  }
}

describe('progress', () => {
  it('is shown with the task within a second, the last value only, and stays when the task has ended', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const latch = Promise.withResolvers<void>()
    const { worker } = await startWorker(world, {
      work: async (_payload, { progress }) => {
        for (const row of range(1_000)) progress({ row })
        await latch.promise
        progress('done')
      },
    })
    const taskId = await client.submit()
    expect((await findTaskWithProgress(world, taskId))?.progress).toBeUndefined()
    await world.advance(1_000)
    expect((await findTaskWithProgress(world, taskId))?.progress).toBe('{"row":999}')
    expect((await world.store.loadStream(taskId)).events.map((event) => event.type)).toEqual(['Submitted', 'Started'])
    latch.resolve()
    await world.advance(1_000)
    const ended = await findTaskWithProgress(world, taskId)
    expect([ended?.task.status, ended?.progress]).toEqual(['SUCCESS', '"done"'])
    await worker.drain()
  })

  it('of an earlier attempt is not shown while a later one runs', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const latch = Promise.withResolvers<void>()
    const { worker } = await startWorker(world, {
      work: async (_payload, { attempt, progress }) => {
        if (attempt === 1) {
          progress('first')
          await world.timers.sleep(500)
          throw new Error('once more')
        }
        await latch.promise
      },
    })
    const retry = { strategy: 'fixed', baseMs: 1_000, maxMs: 1_000, jitter: 'none' } as const
    const taskId = await client.submit({ retry })
    await world.advance(400)
    expect((await findTaskWithProgress(world, taskId))?.progress).toBe('"first"')
    await world.advance(3_000)
    const later = await findTaskWithProgress(world, taskId)
    expect([later?.task.status, later?.task.facts.attempt, later?.progress]).toEqual(['PROCESSING', 2, undefined])
    latch.resolve()
    await world.advance(100)
    await worker.drain()
  })

  it('is written a few times a second for all runs together, however often they report', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { board, writes } = watchBoard(world.progress)
    const { worker } = await startWorker(
      world,
      {
        work: async (_payload, { progress }) => {
          for (const step of range(100)) {
            progress(step)
            await world.timers.sleep(10)
          }
        },
      },
      { deps: { progress: board } },
    )
    const taskIds = await Promise.all(range(10).map(() => client.submit()))
    await world.advance(3_000)
    expect(writes.length).toBeGreaterThan(2)
    expect(writes.length).toBeLessThanOrEqual(6)
    for (const taskId of taskIds) expect((await world.progress.find(taskId))?.value).toBe('99')
    await worker.drain()
  })

  it('never fails its handler: a value that is no JSON or too large is left out, and logged once', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const loop: unknown[] = []
    loop.push(loop)
    const { worker } = await startWorker(world, {
      work: async (_payload, { progress }) => {
        progress('kept')
        for (const value of [1n, loop, () => {}, Symbol('x'), 'x'.repeat(4_095), 'é'.repeat(2_048)]) progress(value)
      },
    })
    const taskId = await client.submit()
    await world.advance(1_000)
    const found = await findTaskWithProgress(world, taskId)
    expect([found?.task.status, found?.progress]).toEqual(['SUCCESS', '"kept"'])
    expect(world.logger.lines.filter((line) => line.message.startsWith('progress was left out'))).toHaveLength(1)
    await worker.drain()
  })

  it('of 4,096 bytes is kept', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { worker } = await startWorker(world, {
      work: async (_payload, { progress }) => progress('x'.repeat(4_094)),
    })
    const taskId = await client.submit()
    await world.advance(1_000)
    expect((await findTaskWithProgress(world, taskId))?.progress).toHaveLength(4_096)
    await worker.drain()
  })

  it('is written later when the store is away, and does not keep the worker from its drain', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { board, leave, comeBack } = watchBoard(world.progress)
    const { worker } = await startWorker(
      world,
      { work: async (payload, { progress }) => progress(payload) },
      { deps: { progress: board } },
    )
    leave()
    const first = await client.submit({ payload: '"first"' })
    await world.advance(2_000)
    expect(await world.progress.find(first)).toBeUndefined()
    comeBack()
    await world.advance(5_000)
    expect((await world.progress.find(first))?.value).toBe('"first"')
    leave()
    await client.submit({ payload: '"second"' })
    await world.advance(1_000)
    await worker.drain()
    await client.process.announcer.close()
    expect(world.time.pendingTimers()).toBe(0)
  })

  it('that cannot be read is left out of the task', async () => {
    const world = createMemoryWorld()
    const client = createClient(world)
    const { worker } = await startWorker(world, { work: async (_payload, { progress }) => progress(1) })
    const taskId = await client.submit()
    await world.advance(1_000)
    const away: ProgressBoard = {
      ...world.progress,
      find: () => Promise.reject(new StoreUnavailableError('away', 'not-stored')),
    }
    const found = await findTaskWithProgress({ store: world.store, progress: away }, taskId)
    expect([found?.task.status, found?.progress]).toEqual(['SUCCESS', undefined])
    await worker.drain()
  })
})
