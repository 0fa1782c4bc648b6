import { createMemoryDatabase, type MemoryDatabase } from '#adapters/memory/database.ts'
import type { EventLog } from '#adapters/memory/events/event-log.ts'
import type { StoreClock } from '#application/ports/surroundings/clock.ts'
import { fold } from '#domain/task/evolve.ts'
import { toHead } from '#domain/task/head.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RecordedEvent } from '#domain/task/events.ts'

/** One turn of exclusive work, as a row: see the adapter for Postgres. */
export interface TurnRow {
  readonly holder: string
  readonly beat: number
  readonly state: 'under way' | 'done' | 'failed'
  readonly begunAt: number
}

/** A database that can be put in the place of another while its adapters go on: all of them read through it. */
export interface FailingDatabase {
  readonly database: MemoryDatabase
  readonly turns: Map<string, TurnRow>
  /** What the standby has from now on: nothing more reaches it. */
  keepCopy(): void
  /** Whether there is a standby that was cut off. */
  hasCopy(): boolean
  /** Puts the copy in the place of the database, and answers the tasks of which something is lost. */
  promote(): ReadonlySet<TaskId>
  /** How often a copy was promoted. */
  era(): number
}

interface Contents {
  readonly database: MemoryDatabase
  readonly log: EventLog
  readonly turns: Map<string, TurnRow>
  /** What the log of the feed was given, in this order. */
  readonly logged: { readonly xid: number; readonly events: readonly RecordedEvent[] }[]
}

const createContents = (storeClock: StoreClock): Contents => {
  const database = createMemoryDatabase({ storeClock })
  const logged: Contents['logged'] = []
  const log: EventLog = {
    beginTransaction: () => database.log.beginTransaction(),
    lastTransaction: () => database.log.lastTransaction(),
    add: (xid, events) => {
      logged.push({ xid, events })
      database.log.add(xid, events)
    },
    after: (place) => database.log.after(place),
  }
  return { database, log, turns: new Map(), logged }
}

export const createFailingDatabase = (storeClock: StoreClock): FailingDatabase => {
  let contents = createContents(storeClock)
  let copy: Contents | undefined
  let era = 0
  return {
    database: {
      now: () => storeClock.now(),
      get streams() {
        return contents.database.streams
      },
      get log() {
        return contents.log
      },
      get undecodable() {
        return contents.database.undecodable
      },
      get heads() {
        return contents.database.heads
      },
      get routes() {
        return contents.database.routes
      },
      get routesUsedAt() {
        return contents.database.routesUsedAt
      },
      get workers() {
        return contents.database.workers
      },
      get exclusiveWork() {
        return contents.database.exclusiveWork
      },
      get submitKeys() {
        return contents.database.submitKeys
      },
      get latestClock() {
        return contents.database.latestClock
      },
      set latestClock(instant) {
        contents.database.latestClock = instant
      },
      get effects() {
        return contents.database.effects
      },
      get progress() {
        return contents.database.progress
      },
      learnRoute: (route) => contents.database.learnRoute(route),
    },
    get turns() {
      return contents.turns
    },
    keepCopy: () => {
      copy = toCopy(contents, createContents(storeClock))
    },
    hasCopy: () => copy !== undefined,
    promote: () => {
      if (copy === undefined) return new Set()
      const lost = findLost(contents.database, copy.database)
      contents = copy
      copy = undefined
      era += 1
      return lost
    },
    era: () => era,
  }
}

const fill = <Key, Value>(target: Map<Key, Value>, source: ReadonlyMap<Key, Value>): void => {
  for (const [key, value] of source) target.set(key, value)
}

const toCopy = ({ database, turns, logged }: Contents, copy: Contents): Contents => {
  fill(copy.database.streams, database.streams)
  fill(copy.database.routes, database.routes)
  fill(copy.database.routesUsedAt, database.routesUsedAt)
  fill(copy.database.workers, database.workers)
  fill(copy.database.submitKeys, database.submitKeys)
  fill(copy.database.progress, database.progress)
  fill(copy.turns, turns)
  copy.database.latestClock = database.latestClock
  for (const [taskId, effects] of database.effects) copy.database.effects.set(taskId, new Map(effects))
  for (const { xid, events } of logged) {
    while (copy.log.lastTransaction() < xid) copy.log.beginTransaction()
    copy.log.add(xid, events)
  }
  for (const stream of database.streams.values()) {
    const task = fold(stream)
    if (task.status !== 'NONE') copy.database.heads.set(toHead(task))
  }
  return copy
}

const findLost = (database: MemoryDatabase, copy: MemoryDatabase): ReadonlySet<TaskId> => {
  const lost = new Set<TaskId>()
  for (const [taskId, stream] of database.streams) if (copy.streams.get(taskId) !== stream) lost.add(taskId)
  for (const [taskId, effects] of database.effects) {
    const kept = copy.effects.get(taskId)
    for (const [name, effect] of effects) if (kept?.get(name) !== effect) lost.add(taskId)
  }
  return lost
}
