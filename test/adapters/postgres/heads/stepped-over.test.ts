import { describe, expect, it } from 'vitest'
import { toHead } from '#domain/task/head.ts'
import { openPostgresStore } from '../../../support/postgres-store.ts'
import { appendCommand, submitTo } from '../../../support/task-builders.ts'

describe('a head ahead of a clock that shows no sign of a step', () => {
  it('is not looked for before somebody has told of one, nor once no such head was left', async () => {
    const world = await openPostgresStore()
    const { runnable, index, store } = world
    const stepOver = async () => {
      const task = await submitTo(world)
      const head = toHead(task)
      await index.repairHead({ ...head, readyAt: head.lastAt + 60_000, lastAt: head.lastAt + 60_000 })
      return task
    }
    const task = await stepOver()
    const { now } = await store.loadStreams([])
    expect((await runnable.readSteppedOver(now, 100)).heads).toEqual([])
    expect((await runnable.readSteppedOver(now + 60_000, 100)).heads).toHaveLength(1)
    expect((await runnable.readSteppedOver(0, 100)).heads).toHaveLength(1)
    await appendCommand(store, task, { type: 'Cancel' })
    expect((await runnable.readSteppedOver(0, 100)).heads).toEqual([])
    await stepOver()
    expect((await runnable.readSteppedOver(0, 100)).heads).toEqual([])
    await world.close()
  })
})
