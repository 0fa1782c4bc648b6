import type { HeadQuery, QueueSummary, TaskIndex } from '#application/ports/heads/task-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Head } from '#domain/task/head.ts'
import { type Instant, isDue } from '#domain/time.ts'
import type { MemoryDatabase } from '../database.ts'

const headsPerCallMax = 1_000

/** The read model of a memory database. Lists and summaries go through the heads one by one. */
export const createMemoryTaskIndex = (database: MemoryDatabase): TaskIndex => ({
  listHeads: async (query) => {
    if (query.limit < 1 || query.limit > headsPerCallMax) throw new RangeError(`1 to ${headsPerCallMax} heads a call`)
    const heads: Head[] = []
    for (const head of database.heads.newestFirst(query.before)) {
      if (matches(query, head, database.streams.get(head.taskId)?.[0]?.recordedAt)) heads.push(head)
      if (heads.length === query.limit) break
    }
    return heads
  },

  findHeads: async (taskIds) => {
    if (taskIds.length > headsPerCallMax) throw new RangeError(`at most ${headsPerCallMax} ids a call`)
    const heads = new Map<TaskId, Head>()
    for (const taskId of taskIds) {
      const head = database.heads.find(taskId)
      if (head !== undefined) heads.set(taskId, head)
    }
    return heads
  },

  summarizeQueues: async (after, limit) => {
    const queues = [...new Set([...database.routes.values()].map((route) => route.queue))]
      .toSorted()
      .filter((queue) => after === undefined || queue > after)
      .slice(0, limit)
    const byQueue = Map.groupBy(database.heads.newestFirst(), (head) => head.queue)
    return queues.map((queue) => summarize(queue, byQueue.get(queue) ?? [], database.now()))
  },

  repairHead: async (head) => {
    if (database.streams.get(head.taskId)?.length !== head.version) return 'unchanged'
    if (isEqual(head, database.heads.find(head.taskId))) return 'unchanged'
    database.heads.set(Object.freeze({ ...head }))
    database.learnRoute(head)
    return 'repaired'
  },
})

const matches = (query: HeadQuery, head: Head, submittedAt: Instant | undefined): boolean =>
  (query.status === undefined || head.status === query.status) &&
  (query.queue === undefined || head.queue === query.queue) &&
  (query.type === undefined || head.type === query.type) &&
  (query.submittedAfter === undefined || (submittedAt !== undefined && submittedAt > query.submittedAfter)) &&
  (query.submittedBefore === undefined || (submittedAt !== undefined && submittedAt < query.submittedBefore))

const summarize = (queue: string, heads: readonly Head[], now: Instant): QueueSummary => {
  const pending = heads.filter((head) => head.readyAt !== undefined)
  const due = pending.filter(({ readyAt = now, lastAt }) => isDue({ readyAt, changedAt: lastAt }, now))
  const later = pending.filter((head) => !due.includes(head))
  return {
    queue,
    ready: due.length,
    scheduled: later.filter((head) => head.attempt === 0).length,
    retrying: later.filter((head) => head.attempt > 0).length,
    running: heads.filter((head) => head.status === 'PROCESSING').length,
    failed: heads.filter((head) => head.status === 'FAILED').length,
    oldestReadyAgeMs:
      due.length === 0 ? undefined : due.reduce((oldest, { readyAt = now }) => Math.max(oldest, now - readyAt), 0),
  }
}

const isEqual = (a: Head, b: Head | undefined): boolean =>
  b !== undefined &&
  a.version === b.version &&
  a.status === b.status &&
  a.queue === b.queue &&
  a.type === b.type &&
  a.priority === b.priority &&
  a.attempt === b.attempt &&
  a.run === b.run &&
  a.claim === b.claim &&
  a.incarnation === b.incarnation &&
  a.readyAt === b.readyAt &&
  a.lastAt === b.lastAt
