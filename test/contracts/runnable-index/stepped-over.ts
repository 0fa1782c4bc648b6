import { describe, expect, it } from 'vitest'
import { parseTaskId } from '#domain/identifiers.ts'
import { toHead } from '#domain/task/head.ts'
import { noTask, type Task } from '#domain/task/state.ts'
import { appendCommand, makeAppend, makeSubmission, submit, submitTo } from '../../support/task-builders.ts'
import type { RunnableIndexWorld } from '../runnable-index.ts'

const anHourMs = 3_600_000

export const describeSteppedOver = (world: () => RunnableIndexWorld): void => {
  describe('heads that a step back of the clock put into the future', () => {
    /** A pending head as it looks after the clock has stepped back by `byMs`. */
    const stepOver = async (delayMs: number, byMs: number): Promise<Task> => {
      const { index } = world()
      const task = await submitTo(world(), makeSubmission({ priority: 3 }), { delayMs })
      const head = toHead(task)
      await index.repairHead({ ...head, readyAt: task.times.readyAt + byMs, lastAt: head.lastAt + byMs })
      return task
    }
    const toSteppedOver = ({ taskId, facts, times }: Task, byMs: number, delayMs: number) => ({
      taskId,
      version: 1,
      route: { queue: facts.submission.queue, type: facts.submission.type },
      priority: 3,
      readyAt: times.readyAt + byMs,
      delayMs,
    })

    it('are told with their delays, the shortest first, once the clock lies behind what it has shown', async () => {
      const { runnable, store } = world()
      const later = await stepOver(60_000, 3 * anHourMs)
      const atOnce = await stepOver(0, 3 * anHourMs)
      await submitTo(world(), makeSubmission(), { delayMs: 4 * anHourMs })
      const { now } = await store.loadStreams([])
      const steppedOver = await runnable.readSteppedOver(now + 3 * anHourMs, 100)
      expect(steppedOver.heads).toEqual([
        toSteppedOver(atOnce, 3 * anHourMs, 0),
        toSteppedOver(later, 3 * anHourMs, 60_000),
      ])
      expect(steppedOver.now).toBeGreaterThanOrEqual(now)
      expect(steppedOver.now).toBeLessThan(now + anHourMs)
      expect((await runnable.readSteppedOver(now + 3 * anHourMs, 1)).heads).toHaveLength(1)
      for (const task of [later, atOnce]) await appendCommand(store, task, { type: 'Cancel' })
    })

    it('are told to one who has not seen the clock before, once another has told of the step', async () => {
      const { runnable, store } = world()
      const task = await stepOver(5_000, anHourMs)
      const told = [toSteppedOver(task, anHourMs, 5_000)]
      const { now } = await store.loadStreams([])
      expect((await runnable.readSteppedOver(now + anHourMs, 100)).heads).toEqual(told)
      expect((await runnable.readSteppedOver(0, 100)).heads).toEqual(told)
      await appendCommand(store, task, { type: 'Cancel' })
    })

    it('are told to one who has not seen the clock before, by a task id from the future', async () => {
      const { runnable, store, routes } = world()
      const task = await stepOver(0, anHourMs)
      const { now } = await store.loadStreams([])
      const digits = (now + anHourMs).toString(16).padStart(12, '0')
      const taskId = parseTaskId(`${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000001`)
      const submission = makeSubmission()
      await routes.learn([submission])
      await store.append(makeAppend(noTask, submit(submission), { taskId }))
      expect((await runnable.readSteppedOver(0, 100)).heads).toEqual([toSteppedOver(task, anHourMs, 0)])
      await appendCommand(store, task, { type: 'Cancel' })
    })
  })
}
