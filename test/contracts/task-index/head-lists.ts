import { describe, expect, it } from 'vitest'
import type { HeadQuery } from '#application/ports/heads/task-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { toHead } from '#domain/task/head.ts'
import type { Task } from '#domain/task/state.ts'
import { mintTaskId } from '../../support/ids.ts'
import { fail, start, succeed } from '../../support/run-commands.ts'
import {
  appendCommand,
  makeName,
  makeRoute,
  makeSubmission,
  range,
  submitMany,
  submitTo,
} from '../../support/task-builders.ts'
import type { TaskIndexWorld } from '../task-index.ts'

export const describeHeadLists = (world: () => TaskIndexWorld): void => {
  const list = async (query: Omit<HeadQuery, 'limit'> & { readonly limit?: number }): Promise<readonly TaskId[]> =>
    (await world().index.listHeads({ limit: 100, ...query })).map((head) => head.taskId)
  const taskIdsOf = (tasks: readonly Task[]): readonly TaskId[] => tasks.map((task) => task.taskId)
  const newestFirst = (tasks: readonly Task[]): readonly TaskId[] => taskIdsOf(tasks).toSorted().toReversed()

  describe('a list of heads', () => {
    it('is newest first and has the heads as they are', async () => {
      const submission = makeSubmission({ priority: 7 })
      const tasks = await submitMany(world(), 5, submission)
      const heads = await world().index.listHeads({ queue: submission.queue, limit: 100 })
      expect(heads.map((head) => head.taskId)).toEqual(newestFirst(tasks))
      expect(heads.toReversed()).toEqual(tasks.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1)).map(toHead))
    })

    it('ends at its limit', async () => {
      const submission = makeSubmission()
      const tasks = await submitMany(world(), 5, submission)
      expect(await list({ queue: submission.queue, limit: 2 })).toEqual(newestFirst(tasks).slice(0, 2))
      expect(await list({ queue: submission.queue, limit: 1_000 })).toEqual(newestFirst(tasks))
    })

    it('is empty when nothing matches', async () => {
      await submitTo(world())
      expect(await list({ queue: `queue-${makeName()}` })).toEqual([])
      expect(await list({ type: `type-${makeName()}` })).toEqual([])
    })

    it('is walked page by page without repeating or skipping any, while tasks are added', async () => {
      const submission = makeSubmission()
      const tasks = await submitMany(world(), 25, submission)
      const walked: TaskId[] = []
      for (let page = await list({ queue: submission.queue, limit: 10 }); page.length > 0;) {
        walked.push(...page)
        await submitMany(world(), 3, submission)
        page = await list({ queue: submission.queue, limit: 10, before: page.at(-1) ?? mintTaskId() })
      }
      expect(walked).toEqual(newestFirst(tasks))
    })

    it('begins below a task that is no longer, or was never, in it', async () => {
      const submission = makeSubmission()
      const older = await submitTo(world(), submission)
      const between = mintTaskId()
      await submitTo(world(), submission)
      expect(await list({ queue: submission.queue, before: between })).toEqual([older.taskId])
    })
  })

  describe('a list of the heads that match', () => {
    it('has those of one status', async () => {
      const { store } = world()
      const submission = makeSubmission({ maxAttempts: 1 })
      const { queue } = submission
      const begin = async (): Promise<Task> => {
        const task = await submitTo(world(), submission)
        return appendCommand(store, task, start(task))
      }
      const pending = await submitTo(world(), submission)
      const running = await begin()
      const [toSucceed, toFail, toCancel] = [await begin(), await begin(), await submitTo(world(), submission)]
      await appendCommand(store, toSucceed, succeed(toSucceed))
      await appendCommand(store, toFail, fail(toFail))
      await appendCommand(store, toCancel, { type: 'Cancel' })
      expect(await list({ queue, status: 'PENDING' })).toEqual([pending.taskId])
      expect(await list({ queue, status: 'PROCESSING' })).toEqual([running.taskId])
      expect(await list({ queue, status: 'SUCCESS' })).toEqual([toSucceed.taskId])
      expect(await list({ queue, status: 'FAILED' })).toEqual([toFail.taskId])
      expect(await list({ queue, status: 'CANCELLED' })).toEqual([toCancel.taskId])
    })

    it('has those of one queue, of one type, and of both', async () => {
      const [here, there] = [makeRoute(), makeRoute()]
      const one = await submitTo(world(), makeSubmission(here))
      const sameQueue = await submitTo(world(), makeSubmission({ queue: here.queue, type: there.type }))
      const sameType = await submitTo(world(), makeSubmission({ queue: there.queue, type: here.type }))
      expect(await list({ queue: here.queue })).toEqual(newestFirst([one, sameQueue]))
      expect(await list({ type: here.type })).toEqual(newestFirst([one, sameType]))
      expect(await list(here)).toEqual([one.taskId])
      expect(await list({ ...here, status: 'FAILED' })).toEqual([])
    })

    it('has those submitted between two instants, neither end included', async () => {
      const submission = makeSubmission()
      const { queue } = submission
      const tasks: Task[] = []
      for (const _ of range(4)) {
        tasks.push(await submitTo(world(), submission))
        await world().advance(5)
      }
      const [first, second, third, fourth] = tasks
      if (first === undefined || second === undefined || third === undefined || fourth === undefined) return
      expect(await list({ queue, submittedAfter: second.times.submittedAt })).toEqual(newestFirst([third, fourth]))
      expect(await list({ queue, submittedBefore: third.times.submittedAt })).toEqual(newestFirst([first, second]))
      expect(
        await list({ queue, submittedAfter: first.times.submittedAt, submittedBefore: fourth.times.submittedAt }),
      ).toEqual(newestFirst([second, third]))
      expect(await list({ queue, submittedAfter: first.times.submittedAt - 1, limit: 2 })).toEqual(
        newestFirst([third, fourth]),
      )
    })

    it('judges the instant of submission, not of the last change', async () => {
      const submission = makeSubmission()
      const task = await submitTo(world(), submission)
      await world().advance(5)
      await appendCommand(world().store, task, start(task))
      const query = { queue: submission.queue }
      expect(await list({ ...query, submittedAfter: task.times.submittedAt })).toEqual([])
      expect(await list({ ...query, submittedBefore: task.times.submittedAt + 1 })).toEqual([task.taskId])
    })

    it('is walked with every filter at once', async () => {
      const submission = makeSubmission()
      const { queue, type } = submission
      const tasks = await submitMany(world(), 10, submission)
      const instants = tasks.map((task) => task.times.submittedAt).toSorted((a, b) => a - b)
      const query = {
        queue,
        type,
        status: 'PENDING' as const,
        submittedAfter: (instants.at(0) ?? 0) - 1,
        submittedBefore: (instants.at(-1) ?? 0) + 1,
      }
      const page = await list({ ...query, limit: 4 })
      const next = await list({ ...query, before: page.at(-1) ?? mintTaskId() })
      expect([...page, ...next]).toEqual(newestFirst(tasks))
    })
  })

  describe('heads by id', () => {
    it('are those that exist', async () => {
      const tasks = await submitMany(world(), 3)
      const heads = await world().index.findHeads([mintTaskId(), ...taskIdsOf(tasks), mintTaskId()])
      expect(new Map(heads)).toEqual(new Map(tasks.map((task) => [task.taskId, toHead(task)])))
    })

    it('may be a thousand, or none', async () => {
      const tasks = await submitMany(world(), 10)
      const taskIds = [...range(990).map(mintTaskId), ...taskIdsOf(tasks)]
      expect((await world().index.findHeads(taskIds)).size).toBe(10)
      expect((await world().index.findHeads([])).size).toBe(0)
    })
  })
}
