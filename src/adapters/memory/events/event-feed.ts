import {
  type EventFeed,
  eventsPerPageMax,
  type FeedCursor,
  type FeedEvent,
} from '#application/ports/events/event-feed.ts'
import { UndecodableStreamError } from '#application/ports/events/event-store.ts'
import { parseTaskId } from '#domain/identifiers.ts'
import type { MemoryDatabase } from '../database.ts'

/** A memory database is never restored elsewhere, so its feed has one epoch. */
const epoch = 'memory'

const lowestTaskId = parseTaskId('00000000-0000-0000-0000-000000000000')

/** The feed of a memory database. An append takes effect in one step, so no open transaction ever holds the feed back. */
export const createMemoryEventFeed = (database: MemoryDatabase): EventFeed => ({
  readAfter: async (cursor, limit) => {
    if (limit < 1 || limit > eventsPerPageMax) throw new RangeError(`1 to ${eventsPerPageMax} events a page`)
    const from = cursor ?? firstOf(0)
    if (from.epoch !== epoch || from.xid > database.log.lastTransaction() + 1) return { kind: 'unknown-cursor' }
    const events: FeedEvent[] = []
    for (const { xid, event } of database.log.after(from)) {
      if (events.length === limit) break
      if (database.undecodable.has(event.taskId)) {
        if (events.length > 0) break
        throw new UndecodableStreamError(event.taskId, `event v${event.version} of task ${event.taskId} cannot be read`)
      }
      events.push({ cursor: { epoch, xid, taskId: event.taskId, version: event.version }, event })
    }
    return { kind: 'page', events, next: events.at(-1)?.cursor ?? from }
  },

  latest: async () => firstOf(database.log.lastTransaction() + 1),

  findBarrier: async () => undefined,
})

/** The cursor before the first event of a transaction. */
const firstOf = (xid: number): FeedCursor => ({ epoch, xid, taskId: lowestTaskId, version: 0 })
