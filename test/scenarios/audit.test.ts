import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Append } from '#application/ports/events/event-store.ts'
import { toTaskChange } from '#domain/task/change.ts'
import type { TaskEvent } from '#domain/task/events.ts'
import { toHeadChange } from '#domain/task/head.ts'
import type { Task } from '#domain/task/state.ts'
import { mintAppendId } from '../support/ids.ts'
import { openPostgresStore, type PostgresStoreWorld } from '../support/postgres-store.ts'
import { fail, start } from '../support/run-commands.ts'
import { appendCommand, loadTask, makeSubmission, submitTo } from '../support/task-builders.ts'
import { expectWholeHistory } from './support/audit.ts'

let world: PostgresStoreWorld
beforeAll(async () => {
  world = await openPostgresStore()
})
afterAll(() => world.close())

/** Records events that no decision has made, and the head that they come to. */
const force = async (task: Task, ...events: readonly TaskEvent[]): Promise<Task> => {
  const { taskId, version } = task
  const appendId = mintAppendId()
  const head = toHeadChange(toTaskChange(task, { taskId, appendId }, events))
  const claim = task.status === 'PROCESSING' ? { claim: task.claim } : {}
  const append: Append = { taskId, expectedVersion: version, appendId, events, head, context: {}, ...claim }
  expect(await world.store.append(append)).toMatchObject({ kind: 'appended' })
  return loadTask(world.store, taskId)
}

describe('the audit of a database', () => {
  it('counts what is there, and refuses a history that folds to its head and is illegal all the same', async () => {
    const pending = await submitTo(world, makeSubmission({ maxAttempts: 1 }))
    const running = await appendCommand(world.store, pending, start(pending))
    await appendCommand(world.store, running, fail(running))
    const other = await submitTo(world, makeSubmission({ maxAttempts: 1 }))
    expect(await expectWholeHistory(world.url)).toEqual({ tasks: 2, ended: 1, succeeded: 0, events: 4 })
    const last = await appendCommand(world.store, other, start(other))
    if (last.status !== 'PROCESSING') throw new Error(`it is ${last.status}`)
    await force(
      last,
      {
        type: 'Failed',
        data: { run: last.run, attempt: 1, cause: 'handler-error', final: false, error: { name: 'E', message: 'm' } },
      },
      { type: 'Retried', data: { delayMs: 0, reopened: false } },
    )
    await expect(expectWholeHistory(world.url)).rejects.toThrow('had to end')
  })
})
