import type { RecordedEvent } from '#domain/task/events.ts'

/** All events of a memory database in order of (transaction, task, version). */
export interface EventLog {
  /** Begins a transaction and answers its number, which is higher than all before it. */
  beginTransaction(): number
  /** The number of the newest transaction; 0 before the first. */
  lastTransaction(): number
  /** Adds events of one stream, in order of version, that transaction `xid` wrote. */
  add(xid: number, events: readonly RecordedEvent[]): void
  /** The events after `place`, lowest first. The log must not change while they are read. */
  after(place: Place): Iterable<LoggedEvent>
}

interface LoggedEvent {
  readonly xid: number
  readonly event: RecordedEvent
}

type Place = Pick<RecordedEvent, 'taskId' | 'version'> & { readonly xid: number }

export const createEventLog = (): EventLog => {
  const log: LoggedEvent[] = []
  let lastXid = 0

  /** The index of the first event after `place`. */
  const findIndex = (place: Place): number => {
    let low = 0
    let high = log.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const found = log[middle]
      if (found !== undefined && isAfter(found, place)) high = middle
      else low = middle + 1
    }
    return low
  }

  return {
    beginTransaction: () => {
      lastXid += 1
      return lastXid
    },
    lastTransaction: () => lastXid,
    add: (xid, events) => {
      for (const event of events) {
        log.splice(findIndex({ xid, taskId: event.taskId, version: event.version }), 0, { xid, event })
      }
    },
    *after(place) {
      for (let index = findIndex(place); index < log.length; index += 1) {
        const found = log[index]
        if (found !== undefined) yield found
      }
    },
  }
}

const isAfter = ({ xid, event }: LoggedEvent, place: Place): boolean => {
  if (xid !== place.xid) return xid > place.xid
  if (event.taskId !== place.taskId) return event.taskId > place.taskId
  return event.version > place.version
}
