import { describe, expect, it } from 'vitest'
import type { QueueSummary } from '#application/ports/heads/task-index.ts'
import { fail, start, succeed } from '../../support/run-commands.ts'
import { appendCommand, makeRoute, makeSubmission, submitMany, submitTo } from '../../support/task-builders.ts'
import type { TaskIndexWorld } from '../task-index.ts'

export const describeQueueSummaries = (world: () => TaskIndexWorld): void => {
  describe('the summary of queues', () => {
    /** Page by page. */
    const readAll = async (limit = 1_000): Promise<readonly QueueSummary[]> => {
      const summaries: QueueSummary[] = []
      for (let found = await world().index.summarizeQueues(undefined, limit); found.length > 0;) {
        expect(found.length).toBeLessThanOrEqual(limit)
        summaries.push(...found)
        found = await world().index.summarizeQueues(summaries.at(-1)?.queue, limit)
      }
      return summaries
    }

    const findSummary = async (queue: string): Promise<QueueSummary | undefined> => {
      const found = (await readAll()).filter((summary) => summary.queue === queue)
      expect(found.length).toBeLessThan(2)
      return found[0]
    }

    it('counts what waits, runs and has failed, over all types of a queue', async () => {
      const { store } = world()
      const { queue } = makeRoute()
      const ofQueue = (differences = {}) => makeSubmission({ queue, ...differences })
      const begin = async (differences = {}) => {
        const task = await submitTo(world(), ofQueue(differences))
        return appendCommand(store, task, start(task))
      }
      await submitMany(world(), 2, ofQueue())
      await submitTo(world(), ofQueue(), { runAt: 1_000 })
      await submitTo(world(), ofQueue({ priority: 100 }), { delayMs: 3_600_000 })
      const [retrying, retryingToo, failed, succeeded] = [
        await begin(),
        await begin(),
        await begin({ maxAttempts: 1 }),
        await begin(),
      ]
      await appendCommand(store, retrying, fail(retrying, { retryAfterMs: 3_600_000 }))
      await appendCommand(store, retryingToo, fail(retryingToo, { retryAfterMs: 3_600_000 }))
      await appendCommand(store, failed, fail(failed))
      await appendCommand(store, succeeded, succeed(succeeded))
      await begin()
      const toCancel = await submitTo(world(), ofQueue())
      await appendCommand(store, toCancel, { type: 'Cancel' })
      expect(await findSummary(queue)).toMatchObject({
        queue,
        ready: 3,
        scheduled: 1,
        retrying: 2,
        running: 1,
        failed: 1,
      })
    })

    it('tells how long the oldest ready task has been ready', async () => {
      const { queue } = makeRoute()
      const { readyAt } = (await submitTo(world(), makeSubmission({ queue }))).times
      await submitTo(world(), makeSubmission({ queue }))
      await world().advance(50)
      const before = await world().store.loadStreams([])
      const summary = await findSummary(queue)
      const behind = await world().store.loadStreams([])
      expect(summary?.oldestReadyAgeMs).toBeGreaterThanOrEqual(before.now - readyAt)
      expect(summary?.oldestReadyAgeMs).toBeLessThanOrEqual(behind.now - readyAt)
    })

    it('counts a task as ready from the instant it is due', async () => {
      const { queue } = makeRoute()
      const task = await submitTo(world(), makeSubmission({ queue }), { delayMs: 300 })
      const early = await findSummary(queue)
      await world().advance(320)
      expect(early).toMatchObject({ ready: 0, scheduled: 1 })
      expect(await findSummary(task.facts.submission.queue)).toMatchObject({ ready: 1, scheduled: 0 })
    })

    it('tells no age when nothing is ready', async () => {
      const { queue } = makeRoute()
      await submitTo(world(), makeSubmission({ queue }), { delayMs: 3_600_000 })
      expect((await findSummary(queue))?.oldestReadyAgeMs).toBeUndefined()
    })

    it('has a queue whose tasks are all over, and one that was only learned', async () => {
      const [used, learned] = [makeRoute(), makeRoute()]
      const task = await submitTo(world(), makeSubmission(used))
      await appendCommand(world().store, task, { type: 'Cancel' })
      await world().routes.learn([learned])
      const nothing = { ready: 0, scheduled: 0, retrying: 0, running: 0, failed: 0 }
      expect(await findSummary(used.queue)).toEqual({ queue: used.queue, ...nothing, oldestReadyAgeMs: undefined })
      expect(await findSummary(learned.queue)).toEqual({
        queue: learned.queue,
        ...nothing,
        oldestReadyAgeMs: undefined,
      })
    })

    it('is in the order of names', async () => {
      await world().routes.learn([makeRoute(), makeRoute(), makeRoute()])
      const names = (await readAll())
        .map((summary) => summary.queue)
        .filter((name) => /^queue-[0-9a-f]{12}$/.test(name))
      expect(names.length).toBeGreaterThan(2)
      expect(names).toEqual(names.toSorted())
    })

    it('comes in pages, each queue once', async () => {
      await world().routes.learn([makeRoute(), makeRoute(), makeRoute()])
      const all = await readAll()
      const names = all.map(({ queue }) => queue)
      expect((await readAll(2)).map(({ queue }) => queue)).toEqual(names)
      expect(new Set(names).size).toBe(names.length)
    })
  })
}
