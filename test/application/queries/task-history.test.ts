import { describe, expect, it } from 'vitest'
import { findTaskAsOf, findTaskAsOfVersion } from '#application/queries/task-history.ts'
import { mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { fail, start } from '../../support/run-commands.ts'
import { appendCommand, submitTo } from '../../support/task-builders.ts'

/** Submitted, started ten seconds later, failed ten seconds after that: four events in three appends. */
const createPast = async () => {
  const world = createMemoryWorld()
  const submitted = await submitTo(world)
  await world.advance(10_000)
  const running = await appendCommand(world.store, submitted, start(submitted))
  await world.advance(10_000)
  const retrying = await appendCommand(world.store, running, fail(running))
  await world.advance(10_000)
  return { world, taskId: submitted.taskId, begunAt: submitted.times.submittedAt, submitted, running, retrying }
}

describe('a task as of a version', () => {
  it('is what its first events leave, judged at the last of them', async () => {
    const { world, taskId, begunAt, submitted, running, retrying } = await createPast()
    const { store } = world
    expect(await findTaskAsOfVersion(store, taskId, 1)).toEqual({ kind: 'found', task: submitted, now: begunAt })
    expect(await findTaskAsOfVersion(store, taskId, 2)).toEqual({ kind: 'found', task: running, now: begunAt + 10_000 })
    const between = await findTaskAsOfVersion(store, taskId, 3)
    expect(between).toMatchObject({ kind: 'found', task: { status: 'PENDING', phase: 'awaiting-retry', version: 3 } })
    expect(await findTaskAsOfVersion(store, taskId, 4)).toEqual({
      kind: 'found',
      task: retrying,
      now: begunAt + 20_000,
    })
  })

  it('is none before the first, beyond the last and for a task that does not exist', async () => {
    const { world, taskId } = await createPast()
    expect(await findTaskAsOfVersion(world.store, taskId, 0)).toEqual({ kind: 'not-yet-submitted' })
    expect(await findTaskAsOfVersion(world.store, taskId, 5)).toEqual({ kind: 'version-not-found' })
    expect(await findTaskAsOfVersion(world.store, mintTaskId(), 1)).toEqual({ kind: 'task-not-found' })
  })
})

describe('a task as of an instant', () => {
  it('includes what was recorded in that very millisecond, and nothing later', async () => {
    const { world, taskId, begunAt } = await createPast()
    const at = async (instant: number) => {
      const past = await findTaskAsOf(world.store, taskId, instant)
      return past.kind === 'found' ? [past.task.version, past.now] : past.kind
    }
    expect(await at(begunAt - 1)).toBe('not-yet-submitted')
    expect(await at(begunAt)).toEqual([1, begunAt])
    expect(await at(begunAt + 9_999)).toEqual([1, begunAt + 9_999])
    expect(await at(begunAt + 10_000)).toEqual([2, begunAt + 10_000])
    expect(await at(begunAt + 20_000)).toEqual([4, begunAt + 20_000])
  })

  it('is the present one when the instant is yet to come', async () => {
    const { world, taskId, retrying } = await createPast()
    const now = world.storeClock.now()
    expect(await findTaskAsOf(world.store, taskId, now + 1)).toEqual({ kind: 'found', task: retrying, now })
    expect(await findTaskAsOf(world.store, mintTaskId(), now)).toEqual({ kind: 'task-not-found' })
  })
})
