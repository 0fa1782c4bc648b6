import { describe, expect, it } from 'vitest'
import { toHead } from '#domain/task/head.ts'
import { openPostgresStore } from '../../../support/postgres-store.ts'
import { submitTo } from '../../../support/task-builders.ts'

describe('a head ahead of a clock that shows no sign of a step', () => {
  it('is not looked for', async () => {
    const world = await openPostgresStore()
    const { runnable, index, store } = world
    const task = await submitTo(world)
    const head = toHead(task)
    await index.repairHead({ ...head, readyAt: head.lastAt + 60_000, lastAt: head.lastAt + 60_000 })
    const { now } = await store.loadStreams([])
    expect((await runnable.readSteppedOver(now, 100)).heads).toEqual([])
    expect((await runnable.readSteppedOver(now + 60_000, 100)).heads).toHaveLength(1)
    await world.close()
  })
})
