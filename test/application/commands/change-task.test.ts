import { describe, expect, it } from 'vitest'
import { changeTask } from '#application/commands/change-task.ts'
import { type EventStore, StoreOverloadedError } from '#application/ports/events/event-store.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { start } from '../../support/run-commands.ts'
import { appendCommand, loadTask, makeSubmission, submitTo } from '../../support/task-builders.ts'

const setUp = async () => {
  const world = createMemoryWorld()
  const task = await submitTo(world, makeSubmission(), { delayMs: 60_000 })
  const change = (type: 'Cancel' | 'RunNow', ifVersion?: number, store: EventStore = world.store) =>
    changeTask(
      { ...world, store },
      {
        taskId: task.taskId,
        toCommand: (now): TaskCommand => (type === 'Cancel' ? { type } : { type, now }),
        context: {},
        ...(ifVersion !== undefined && { ifVersion }),
      },
    )
  return { world, task, change }
}

describe('a change of a task', () => {
  it('that meets a stale head repairs it, and is made', async () => {
    const { world, task, change } = await setUp()
    const head = world.database.heads.find(task.taskId)
    if (head === undefined) throw new Error('there is no head')
    world.database.heads.set({ ...head, version: 7 })
    expect(await change('RunNow')).toMatchObject({ kind: 'changed', task: { version: 2 } })
    expect(world.counts.total('heads-repaired')).toBe(1)
    await expectHeadsToEqualFolds(world, [task.taskId])
  })

  it('that loses a race is decided anew by what the task is then', async () => {
    const { world, task, change } = await setUp()
    let appends = 0
    const store: EventStore = {
      ...world.store,
      append: async (append) => {
        appends += 1
        if (appends === 1) {
          const ready = await appendCommand(world.store, task, { type: 'RunNow', now: world.storeClock.now() })
          await appendCommand(world.store, ready, start(ready))
        }
        return world.store.append(append)
      },
    }
    expect(await change('Cancel', undefined, store)).toMatchObject({ kind: 'changed', task: { status: 'PROCESSING' } })
    const events = world.database.streams.get(task.taskId) ?? []
    expect(events.map(({ type }) => type)).toEqual(['Submitted', 'Rescheduled', 'Started', 'CancelRequested'])
    expect(world.counts.total('heads-repaired')).toBe(0)
  })

  it('that loses every race is refused as overloaded, and changes nothing', async () => {
    const { world, task, change } = await setUp()
    let appends = 0
    const store: EventStore = {
      ...world.store,
      append: async () => {
        appends += 1
        return { kind: 'conflict', headVersion: undefined }
      },
    }
    await expect(change('Cancel', undefined, store)).rejects.toBeInstanceOf(StoreOverloadedError)
    expect(appends).toBe(20)
    expect(await loadTask(world.store, task.taskId)).toEqual(task)
  })

  it('at a version that has passed, or has not come, is refused with the present one', async () => {
    const { change } = await setUp()
    await change('RunNow', 1)
    expect(await change('Cancel', 1)).toEqual({ kind: 'version-mismatch', version: 2 })
    expect(await change('Cancel', 3)).toEqual({ kind: 'version-mismatch', version: 2 })
    expect(await change('Cancel', 2)).toMatchObject({ kind: 'changed', task: { status: 'CANCELLED', version: 3 } })
  })
})
