import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Locking } from '#adapters/postgres/group-commit/locking.ts'
import { isStored } from '#application/ports/events/event-store.ts'
import type { Task } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../../support/heads.ts'
import { mintTaskId } from '../../../support/ids.ts'
import { openStoreInManner } from '../../../support/locking-manners.ts'
import { fail, start } from '../../../support/run-commands.ts'
import { appendCommand, loadTask, makeAppend, range, submitTo } from '../../../support/task-builders.ts'

const manners: readonly Locking[] = ['optimistic', 'skip-locked']
const aheadMs = 3_600_000

describe.each(manners)('a clock that has stepped back, to a store that is %s', (manner) => {
  let world: Awaited<ReturnType<typeof openStoreInManner>>
  beforeAll(async () => {
    world = await openStoreInManner(manner)
  })
  afterAll(() => world.close())

  /** A task that was submitted by a clock an hour ahead of the present one. */
  const submitAhead = async (): Promise<Task> => {
    const sample = await submitTo(world)
    const taskId = mintTaskId()
    await world.pool.query(sql.unsafe`
      with submitted as (
        insert into taskfold.events (task_id, version, append_id, recorded_at, xid, type, data, body, meta)
        select ${taskId}::uuid, version, append_id, recorded_at + interval '1 hour', xid, type, data, body, meta
        from taskfold.events
        where task_id = ${sample.taskId}::uuid
      )
      insert into taskfold.tasks (task_id, version, status, attempt, route, priority, ready_at, last_at)
      select ${taskId}::uuid, version, status, attempt, route, priority, ready_at + interval '1 hour', last_at + interval '1 hour'
      from taskfold.tasks
      where task_id = ${sample.taskId}::uuid`)
    const task = await loadTask(world.store, taskId)
    expect(task.times.changedAt).toBe(sample.times.changedAt + aheadMs)
    return task
  }

  it('lets the time of a stream stand still', async () => {
    const task = await submitAhead()
    const ahead = task.times.changedAt
    const running = await appendCommand(world.store, task, start(task))
    expect(running.times.changedAt).toBe(ahead)
    expect(await loadTask(world.store, task.taskId)).toEqual(running)
    await expectHeadsToEqualFolds(world, [task.taskId])
  })

  it('counts the delay of a retry from that time, in all events of the append', async () => {
    const task = await submitAhead()
    const running = await appendCommand(world.store, task, start(task))
    const failing = makeAppend(running, fail(running, { retryAfterMs: 90_000 }))
    const readyAt = task.times.changedAt + 90_000
    expect(await world.store.append(failing)).toEqual({ kind: 'appended', recordedAt: task.times.changedAt, readyAt })
    const { events } = await world.store.loadStream(task.taskId)
    expect(new Set(events.map(({ recordedAt }) => recordedAt))).toEqual(new Set([task.times.changedAt]))
    await expectHeadsToEqualFolds(world, [task.taskId])
  })

  it('says so of an append that is sent again', async () => {
    const task = await submitAhead()
    const append = makeAppend(task, start(task))
    await world.store.append(append)
    expect(await world.store.append(append)).toEqual({
      kind: 'already',
      recordedAt: task.times.changedAt,
      headVersion: 2,
    })
  })

  it('keeps no stream of the same batch from the present time', async () => {
    const [ahead, ...others] = [await submitAhead(), ...(await Promise.all(range(5).map(() => submitTo(world))))]
    const tasks = [...others.slice(0, 2), ahead, ...others.slice(2)]
    const verdicts = await Promise.all(tasks.map((task) => world.store.append(makeAppend(task, start(task)))))
    const { now } = await world.store.loadStreams([])
    verdicts.forEach((verdict, place) => {
      if (!isStored(verdict)) throw new Error(`it met ${verdict.kind}`)
      if (tasks[place] === ahead) expect(verdict.recordedAt).toBe(ahead.times.changedAt)
      else expect(verdict.recordedAt).toBeLessThanOrEqual(now)
    })
    await expectHeadsToEqualFolds(
      world,
      tasks.map(({ taskId }) => taskId),
    )
  })
})
