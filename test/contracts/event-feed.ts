import { describe, expect, it } from 'vitest'
import type { EventFeed, FeedCursor, FeedEvent } from '#application/ports/events/event-feed.ts'
import { type EventStore, UndecodableStreamError } from '#application/ports/events/event-store.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { noTask, type Task } from '#domain/task/state.ts'
import { type ContractWorld, type Setup, useWorld, waitFor, waitUntil } from '../support/contract-world.ts'
import { fail, start, succeed } from '../support/run-commands.ts'
import {
  appendCommand,
  makeAppend,
  makeSubmission,
  range,
  submit,
  submitMany,
  submitTo,
} from '../support/task-builders.ts'

export interface EventFeedWorld extends ContractWorld {
  readonly store: EventStore
  readonly routes: Routes
  readonly feed: EventFeed
  damage(taskId: TaskId): Promise<void>
}

/** The contract of every EventFeed. */
export const describeEventFeed = (name: string, setup: Setup<EventFeedWorld>): void => {
  describe(`the event feed (${name})`, () => {
    const world = useWorld(setup)

    const readPage = async (cursor: FeedCursor | undefined, limit: number) => {
      const page = await world().feed.readAfter(cursor, limit)
      if (page.kind !== 'page') throw new Error('the cursor was refused')
      return page
    }

    /**
     * Reads page by page until `count` events were read, and a page more, which shows if there are too many. A page is no
     * proof of what is there: its end may lie before a transaction of another database that has just ended.
     */
    const readAll = async (
      from: FeedCursor | undefined,
      limit: number,
      count: number,
    ): Promise<readonly FeedEvent[]> => {
      const events: FeedEvent[] = []
      let cursor = from
      const readOn = async (): Promise<void> => {
        const page = await readPage(cursor, limit)
        events.push(...page.events)
        cursor = page.next
      }
      await waitUntil(world(), async () => {
        await readOn()
        return events.length >= count
      })
      await readOn()
      return events
    }

    const toKeys = (events: readonly FeedEvent[]) => events.map(({ event }) => `${event.taskId} ${event.version}`)

    const runOnce = async (task: Task): Promise<Task> => {
      const running = await appendCommand(world().store, task, start(task))
      return appendCommand(world().store, running, fail(running))
    }

    it('holds the same events as the streams', async () => {
      const from = await world().feed.latest()
      const task = await runOnce(await submitTo(world()))
      const { events } = await world().store.loadStream(task.taskId)
      expect((await readAll(from, 1_000, 4)).map(({ event }) => event)).toEqual(events)
    })

    it.each([1, 2, 3, 7, 1_000])('is the same read in pages of %i', async (limit) => {
      const from = await world().feed.latest()
      const tasks = await submitMany(world(), 10)
      await Promise.all(tasks.map(runOnce))
      const inOne = toKeys(await readAll(from, 1_000, 40))
      expect([inOne.length, new Set(inOne).size]).toEqual([40, 40])
      expect(toKeys(await readAll(from, limit, 40))).toEqual(inOne)
    })

    it('goes on after any of its events', async () => {
      const from = await world().feed.latest()
      await Promise.all((await submitMany(world(), 5)).map(runOnce))
      const events = await readAll(from, 1_000, 20)
      for (const [index, { cursor }] of events.entries()) {
        expect(await readAll(cursor, 1_000, 19 - index)).toEqual(events.slice(index + 1))
      }
    })

    it('begins at the first event of all', async () => {
      const { events } = await readPage(undefined, 1)
      expect(events.map(({ event }) => event.version)).toEqual([1])
      expect(await readPage(undefined, 1)).toEqual(await readPage(undefined, 1))
    })

    it('answers where to read on at its end', async () => {
      const from = await world().feed.latest()
      const empty = await readPage(from, 10)
      expect(empty).toEqual({ kind: 'page', events: [], next: from })
      const task = await submitTo(world())
      expect((await readAll(empty.next, 10, 1)).map(({ event }) => event.taskId)).toEqual([task.taskId])
    })

    it('orders appends that were stored together by task and version', async () => {
      const { store, routes } = world()
      const from = await world().feed.latest()
      const submission = makeSubmission()
      await routes.learn([submission])
      const appends = range(50).map(() => makeAppend(noTask, submit(submission)))
      await store.appendAll(appends.toReversed())
      const ids = appends.map((append) => append.taskId).toSorted()
      expect((await readAll(from, 7, 50)).map(({ event }) => event.taskId)).toEqual(ids)
    })

    it('leaves nothing out, repeats nothing and keeps the order of each task while many write', async () => {
      const from = await world().feed.latest()
      const writers = range(8).map(async (writer) => {
        const taskIds: TaskId[] = []
        for (let round = 0; round < 12; round += 1) {
          const task = await runOnce(await submitTo(world(), makeSubmission({ priority: writer })))
          const again = await appendCommand(world().store, task, start(task))
          await appendCommand(world().store, again, succeed(again))
          taskIds.push(task.taskId)
        }
        return taskIds
      })
      let state: 'writing' | 'written' = 'writing'
      const written = Promise.all(writers).finally(() => {
        state = 'written'
      })
      const followed: FeedEvent[] = []
      let cursor = from
      const follow = async (): Promise<void> => {
        const page = await readPage(cursor, 13)
        followed.push(...page.events)
        cursor = page.next
      }
      while (state === 'writing') {
        await follow()
        await world().advance(1)
      }
      const taskIds = (await written).flat()
      await waitUntil(world(), async () => {
        await follow()
        return followed.length >= taskIds.length * 6
      })
      expect(toKeys(followed).toSorted()).toEqual(
        taskIds.flatMap((taskId) => range(6).map((index) => `${taskId} ${index + 1}`)).toSorted(),
      )
      for (const [taskId, events] of Map.groupBy(followed, ({ event }) => event.taskId)) {
        expect([taskId, ...events.map(({ event }) => event.version)]).toEqual([taskId, 1, 2, 3, 4, 5, 6])
      }
    })

    it('refuses a cursor of another epoch, and one of a future that it does not know', async () => {
      await submitTo(world())
      const latest = await world().feed.latest()
      const unknown = { kind: 'unknown-cursor' }
      expect(await world().feed.readAfter({ ...latest, epoch: 'another' }, 10)).toEqual(unknown)
      expect(await world().feed.readAfter({ ...latest, xid: latest.xid + 1_000_000 }, 10)).toEqual(unknown)
    })

    it.each([0, 1_001])('refuses a page of %i', async (limit) => {
      await expect(world().feed.readAfter(undefined, limit)).rejects.toThrow(RangeError)
    })

    it('stops before an event that it cannot read, and throws there', async () => {
      const from = await world().feed.latest()
      const first = await submitTo(world())
      const second = await submitTo(world())
      const before = await readAll(from, 1_000, 2)
      expect(before.map(({ event }) => event.taskId)).toEqual([first.taskId, second.taskId])
      await world().damage(second.taskId)
      const { events, next } = await waitFor(world(), async () => {
        const page = await readPage(from, 10)
        return page.events.length > 0 ? page : undefined
      })
      expect(events.map(({ event }) => event.taskId)).toContain(first.taskId)
      await expect(readAll(next, 10, 2)).rejects.toThrow(UndecodableStreamError)
    })
  })
}
