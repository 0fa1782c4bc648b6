import type { Route } from '#domain/route.ts'
import type {
  DueTask,
  DueWindow,
  RankedTask,
  RunnableIndex,
  SteppedOverHead,
} from '#application/ports/heads/runnable-index.ts'
import { mintedAt } from '#domain/identifiers.ts'
import { compareRanked, rankOf } from '#domain/rank.ts'
import type { Instant } from '#domain/time.ts'
import type { MemoryDatabase } from '../database.ts'

/** The runnable heads of a memory database. Each call sorts all due heads of the routes it names. */
export const createMemoryRunnableIndex = (database: MemoryDatabase): RunnableIndex => ({
  // A position is the place of a route in the order in which they were learned.
  readRoutes: async (after = 0, limit) => {
    const routes: Route[] = []
    let place = 0
    for (const route of database.routes.values()) {
      place += 1
      if (place <= after || isEmpty(database.heads.pendingOf(route))) continue
      routes.push({ queue: route.queue, type: route.type })
      if (routes.length === limit) return { routes, unnamed: [], next: place }
    }
    return { routes, unnamed: [], next: undefined }
  },

  readDue: async (windows) => windows.map((window) => readWindow(database, window)),

  readDueSoon: async (routes, withinMs, limit) => {
    const now = database.now()
    const soon = (route: Route) => readLater(database, route, now, now + withinMs).slice(0, limit)
    return routes.flatMap(soon).toSorted(compareReady)
  },

  readSteppedOver: async (shown, limit) => {
    const now = database.now()
    const newest = database.heads.newestFirst()[Symbol.iterator]().next().value
    const latest = Math.max(database.latestClock, shown)
    const liesBehind =
      now < latest - 1_000 || (newest !== undefined && mintedAt(newest.taskId) > now + mintedAheadMsMax)
    const heads = liesBehind ? readAhead(database, now).slice(0, limit) : []
    database.latestClock = liesBehind && heads.length === 0 ? now : Math.max(latest, now)
    return { now, heads }
  },
})

/** Ids are minted up to some seconds ahead of the clock; a step back by less than this only costs that time. */
const mintedAheadMsMax = 15_000

const readAhead = (database: MemoryDatabase, now: Instant): readonly SteppedOverHead[] => {
  const heads: SteppedOverHead[] = []
  for (const { taskId, version, queue, type, priority, readyAt, lastAt } of database.heads.newestFirst()) {
    if (readyAt === undefined || readyAt <= now || lastAt <= now) continue
    heads.push({ taskId, version, route: { queue, type }, priority, readyAt, delayMs: readyAt - lastAt })
  }
  return heads.toSorted((a, b) => a.delayMs - b.delayMs || compareReady(a, b))
}
const isEmpty = (heads: Iterable<unknown>): boolean => heads[Symbol.iterator]().next().done === true

const readWindow = (
  database: MemoryDatabase,
  { route, after, limit, readyForMs = 0 }: DueWindow,
): readonly RankedTask[] => {
  const readyBefore = database.now() - readyForMs
  const due: RankedTask[] = []
  for (const { taskId, readyAt, priority } of database.heads.pendingOf(route)) {
    if (readyAt === undefined || readyAt > readyBefore) continue
    const ranked = { taskId, rank: rankOf(readyAt, priority) }
    if (after === undefined || compareRanked(ranked, after) > 0) due.push(ranked)
  }
  return due.toSorted(compareRanked).slice(0, limit)
}

const readLater = (
  database: MemoryDatabase,
  { queue, type }: Route,
  after: Instant,
  until: Instant,
): readonly DueTask[] => {
  const tasks: DueTask[] = []
  for (const { taskId, readyAt, priority } of database.heads.pendingOf({ queue, type })) {
    if (readyAt === undefined || readyAt <= after || readyAt > until) continue
    tasks.push({ taskId, route: { queue, type }, priority, readyAt })
  }
  return tasks.toSorted(compareReady)
}

const compareReady = (a: DueTask, b: DueTask): number =>
  a.readyAt - b.readyAt || (a.taskId < b.taskId ? -1 : Number(a.taskId > b.taskId))
