import { describe, expect, it } from 'vitest'
import type { TaskCommand } from '#domain/task/commands.ts'
import { noTask, type Task } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { mintTaskId } from '../../support/ids.ts'
import { declareLost, fail, release, start, succeed } from '../../support/run-commands.ts'
import {
  appendCommand,
  loadTask,
  makeAppend,
  makeRoute,
  makeSubmission,
  range,
  submit,
  submitTo,
} from '../../support/task-builders.ts'
import type { EventStoreWorld } from './world.ts'

export const describeAppends = (world: () => EventStoreWorld): void => {
  describeFirstAppend(world)
  describeLaterAppends(world)
  describeRepeatedAppend(world)
  describeInstants(world)
  describeHeads(world)
}

const describeFirstAppend = (world: () => EventStoreWorld): void => {
  describe('a stream that does not exist', () => {
    it('begins with version 1, the identities and the instant of its append', async () => {
      const { store, routes } = world()
      const submission = makeSubmission()
      await routes.learn([submission])
      const append = makeAppend(noTask, submit(submission))
      const verdict = await store.append(append)
      const { events } = await store.loadStream(append.taskId)
      expect(verdict).toMatchObject({ kind: 'appended' })
      expect(events).toEqual([
        {
          ...append.events[0],
          taskId: append.taskId,
          version: 1,
          appendId: append.appendId,
          recordedAt: verdict.kind === 'appended' && verdict.recordedAt,
          context: {},
        },
      ])
    })

    it('refuses an append at a version that does not exist', async () => {
      const task = await submitTo(world())
      const append = { ...makeAppend(task, start(task)), taskId: mintTaskId() }
      expect(await world().store.append(append)).toEqual({ kind: 'conflict', headVersion: undefined })
      expect((await world().store.loadStream(append.taskId)).events).toEqual([])
      await expectHeadsToEqualFolds(world(), [append.taskId])
    })
  })
}

const describeLaterAppends = (world: () => EventStoreWorld): void => {
  describe('a stream that moved on', () => {
    it('refuses an append at the old version, names its own, and stays as it is', async () => {
      const pending = await submitTo(world())
      const running = await appendCommand(world().store, pending, start(pending))
      await appendCommand(world().store, running, succeed(running))
      const before = await world().store.loadStream(pending.taskId)
      const verdict = await world().store.append(makeAppend(pending, start(pending)))
      expect(verdict).toEqual({ kind: 'conflict', headVersion: 3 })
      expect((await world().store.loadStream(pending.taskId)).events).toEqual(before.events)
      await expectHeadsToEqualFolds(world(), [pending.taskId])
    })

    it('refuses an append ahead of it, which would leave a hole', async () => {
      const pending = await submitTo(world())
      const { taskId, version } = pending
      for (const expectedVersion of [2, 7]) {
        const ahead = makeAppend({ ...pending, version: expectedVersion }, { type: 'Cancel' })
        expect(await world().store.append(ahead)).toEqual({ kind: 'conflict', headVersion: version })
      }
      const starting = makeAppend({ ...pending, version: 3 }, start(pending))
      expect(await world().store.append(starting)).toEqual({ kind: 'conflict', headVersion: version })
      expect(await loadTask(world().store, taskId)).toEqual(pending)
      await expectHeadsToEqualFolds(world(), [taskId])
    })

    it('refuses a second beginning', async () => {
      const task = await submitTo(world())
      const verdict = await world().store.append(makeAppend(noTask, submit(), { taskId: task.taskId }))
      expect(verdict).toEqual({ kind: 'conflict', headVersion: 1 })
      expect(await loadTask(world().store, task.taskId)).toEqual(task)
    })

    it('takes Failed and Retried of a run that was overtaken neither whole nor in part', async () => {
      const pending = await submitTo(world())
      const running = await appendCommand(world().store, pending, start(pending))
      await appendCommand(world().store, running, succeed(running, '"won"'))
      const verdict = await world().store.append(makeAppend(running, fail(running)))
      const { events } = await world().store.loadStream(pending.taskId)
      expect(verdict).toEqual({ kind: 'conflict', headVersion: 3 })
      expect(events.map((event) => event.type)).toEqual(['Submitted', 'Started', 'Succeeded'])
    })

    it('takes Failed and Retried as one append', async () => {
      const pending = await submitTo(world())
      const running = await appendCommand(world().store, pending, start(pending))
      const append = makeAppend(running, fail(running))
      await world().store.append(append)
      const { events } = await world().store.loadStream(pending.taskId)
      const [failed, retried] = events.slice(2)
      expect([failed?.type, failed?.version, retried?.type, retried?.version]).toEqual(['Failed', 3, 'Retried', 4])
      expect([failed?.appendId, retried?.appendId]).toEqual([append.appendId, append.appendId])
      expect(failed?.recordedAt).toBe(retried?.recordedAt)
    })
  })
}

const describeRepeatedAppend = (world: () => EventStoreWorld): void => {
  describe('an append that is sent again', () => {
    it('is stored once and answered with the instant of then', async () => {
      const pending = await submitTo(world())
      const append = makeAppend(pending, start(pending))
      const first = await world().store.append(append)
      await world().advance(5)
      const again = await world().store.append(append)
      expect(first).toMatchObject({ kind: 'appended' })
      expect(again).toEqual({
        kind: 'already',
        recordedAt: first.kind === 'appended' && first.recordedAt,
        headVersion: 2,
      })
      expect((await world().store.loadStream(pending.taskId)).events).toHaveLength(2)
    })

    it('is told how far the stream has come since', async () => {
      const { store, routes } = world()
      const submission = makeSubmission()
      await routes.learn([submission])
      const append = makeAppend(noTask, submit(submission))
      await store.append(append)
      const pending = await loadTask(store, append.taskId)
      const running = await appendCommand(store, pending, start(pending))
      const failed = await appendCommand(store, running, fail(running))
      expect(await store.append(append)).toEqual({
        kind: 'already',
        recordedAt: pending.times.changedAt,
        headVersion: failed.version,
      })
    })

    it('is recognised when it holds several events', async () => {
      const pending = await submitTo(world())
      const running = await appendCommand(world().store, pending, start(pending))
      const append = makeAppend(running, fail(running))
      await world().store.append(append)
      expect(await world().store.append(append)).toMatchObject({ kind: 'already', headVersion: 4 })
    })
  })
}

const describeInstants = (world: () => EventStoreWorld): void => {
  describe('the verdict on an append', () => {
    const readyAtAfter = async (state: Task, command: TaskCommand) => {
      const verdict = await world().store.append(makeAppend(state, command))
      if (verdict.kind !== 'appended') throw new Error(`met ${verdict.kind}`)
      return verdict
    }

    it('says that a task due at once is ready at the instant it was recorded', async () => {
      const submission = makeSubmission()
      await world().routes.learn([submission])
      const verdict = await world().store.append(makeAppend(noTask, submit(submission)))
      expect(verdict).toMatchObject({ readyAt: verdict.kind === 'appended' && verdict.recordedAt })
    })

    it.each([
      ['the past', -3_600_000],
      ['ten years ahead', 315_576_000_000],
    ])('gives back an absolute instant in %s', async (_, aheadMs) => {
      const { store, routes } = world()
      const submission = makeSubmission()
      await routes.learn([submission])
      const { now } = await store.loadStream(mintTaskId())
      const verdict = await store.append(makeAppend(noTask, submit(submission, { runAt: now + aheadMs })))
      expect(verdict).toMatchObject({ kind: 'appended', readyAt: now + aheadMs })
    })

    it('counts a delay from the instant of recording', async () => {
      const pending = await submitTo(world())
      const running = await appendCommand(world().store, pending, start(pending))
      const verdict = await readyAtAfter(running, fail(running, { retryAfterMs: 90_000 }))
      expect(verdict.readyAt).toBe(verdict.recordedAt + 90_000)
    })

    it('keeps the ready instant of an attempt that is handed back', async () => {
      const pending = await submitTo(world(), makeSubmission(), { delayMs: 30_000 })
      const running = await appendCommand(world().store, pending, start(pending))
      expect((await readyAtAfter(running, release(running))).readyAt).toBe(pending.times.readyAt)
    })

    it('has no ready instant for a task that is not pending', async () => {
      const pending = await submitTo(world())
      expect((await readyAtAfter(pending, start(pending))).readyAt).toBeUndefined()
    })

    it('never names an earlier instant than the one before it in the stream', async () => {
      let task: Task = await submitTo(world(), makeSubmission({ maxAttempts: 100 }))
      for (const _ of range(10)) {
        task = await appendCommand(world().store, task, start(task))
        task = await appendCommand(world().store, task, release(task))
      }
      const instants = (await world().store.loadStream(task.taskId)).events.map((event) => event.recordedAt)
      expect(instants).toEqual(instants.toSorted((a, b) => a - b))
      expect(instants.every(Number.isSafeInteger)).toBe(true)
    })
  })
}

const describeHeads = (world: () => EventStoreWorld): void => {
  describe('the head', () => {
    const live = async (task: Task, ...steps: readonly ((task: Task) => TaskCommand)[]): Promise<Task> => {
      await expectHeadsToEqualFolds(world(), [task.taskId])
      const [step, ...rest] = steps
      return step === undefined ? task : live(await appendCommand(world().store, task, step(task)), ...rest)
    }
    const cancel = (): TaskCommand => ({ type: 'Cancel' })
    const reopen = (): TaskCommand => ({ type: 'Reopen' })
    const runNow = (task: Task): TaskCommand => ({ type: 'RunNow', now: task.times.readyAt - 1 })

    it('equals the fold after each append of a life that ends well', async () => {
      const submission = makeSubmission({ priority: -100 })
      const scheduled = await submitTo(world(), submission, { delayMs: 60_000 })
      const ended = await live(scheduled, runNow, start, release, start, fail, start, declareLost, start, succeed)
      expect(ended.status).toBe('SUCCESS')
    })

    it('equals the fold after each append of a life that ends badly', async () => {
      const submission = makeSubmission({ priority: 100, maxAttempts: 1 })
      const pending = await submitTo(world(), submission)
      const ended = await live(pending, cancel, reopen, start, cancel, release, reopen, start, fail)
      expect(ended.status).toBe('FAILED')
    })

    it('equals the fold of a cancelled task whose handler returned', async () => {
      const ended = await live(await submitTo(world()), start, cancel, succeed)
      expect(ended.status).toBe('SUCCESS')
    })

    it('stands in the order of ids, in whatever order the tasks were appended', async () => {
      const { store, routes, index } = world()
      const route = makeRoute()
      await routes.learn([route])
      const taskIds = range(5).map(mintTaskId)
      for (const place of [3, 0, 4, 1, 2]) {
        await appendCommand(store, noTask, submit(makeSubmission(route)), { taskId: taskIds[place] ?? mintTaskId() })
      }
      const heads = await index.listHeads({ queue: route.queue, limit: 10 })
      expect(heads.map((head) => head.taskId)).toEqual(taskIds.toReversed())
    })
  })
}
