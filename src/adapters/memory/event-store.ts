import {
  type Append,
  type AppendVerdict,
  type EventStore,
  type StreamContent,
  streamsPerCallMax,
  UndecodableStreamError,
  UnstorableAppendError,
} from '#application/ports/event-store.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RecordedEvent } from '#domain/task-events.ts'
import type { Head } from '#domain/task-head.ts'
import { type Instant, readyInstant } from '#domain/time.ts'
import type { MemoryDatabase } from './database.ts'
import { assertStorable } from './storable.ts'

/**
 * An event store that forgets everything when its database goes: for tests, not for work.
 *
 * Every call takes effect before it returns, in one step that nothing can come between; only the answer comes later. What
 * is stored is a copy and frozen, so neither the caller of an append nor a reader can change history. An append that a
 * real database would refuse for its content is refused here too. It is never unavailable nor overloaded.
 */
export const createMemoryEventStore = (database: MemoryDatabase): EventStore => ({
  append: async (append) => {
    assertAppend(append)
    return (
      judge(database, append) ?? write(database, append, { now: database.now(), xid: database.log.beginTransaction() })
    )
  },

  appendAll: async (appends) => {
    assertCount(appends.length, 1)
    if (new Set(appends.map((append) => append.taskId)).size < appends.length) {
      throw new RangeError('one append a stream')
    }
    for (const append of appends) assertAppend(append)
    const verdicts = appends.map((append) => judge(database, append))
    const conflicts = appends.filter((_, index) => verdicts[index]?.kind === 'conflict')
    if (conflicts.length > 0) return { kind: 'refused', conflicts: conflicts.map((append) => append.taskId) }
    const transaction = { now: database.now(), xid: database.log.beginTransaction() }
    return {
      kind: 'appended',
      recordedAt: appends.map((append, index) => {
        const verdict = verdicts[index]
        return verdict?.kind === 'already' ? verdict.recordedAt : write(database, append, transaction).recordedAt
      }),
    }
  },

  loadStream: async (taskId) => {
    const content = readStream(database, taskId)
    if (content?.kind === 'undecodable') throw content.error
    return { now: database.now(), events: content?.events ?? [] }
  },

  loadStreams: async (taskIds) => {
    assertCount(taskIds.length, 0)
    const streams = new Map<TaskId, StreamContent>()
    for (const taskId of taskIds) {
      const content = readStream(database, taskId)
      if (content !== undefined) streams.set(taskId, content)
    }
    return { now: database.now(), streams }
  },
})

const assertCount = (count: number, least: number): void => {
  if (count < least || count > streamsPerCallMax) {
    throw new RangeError(`a call names ${least} to ${streamsPerCallMax} streams, not ${count}`)
  }
}

const assertAppend = (append: Append): void => {
  if (append.events.length === 0) throw new RangeError('an append without events')
  if (append.head.version !== append.expectedVersion + append.events.length) {
    throw new RangeError('the head of an append stands at another version than its last event')
  }
  assertStorable(append)
}

/** The verdict on an append that cannot be written now; undefined when it can. */
const judge = (
  database: MemoryDatabase,
  append: Append,
): Exclude<AppendVerdict, { readonly kind: 'appended' }> | undefined => {
  const stream = database.streams.get(append.taskId) ?? []
  const headVersion = database.heads.find(append.taskId)?.version
  const first = stream[append.expectedVersion]
  if ((headVersion ?? 0) !== append.expectedVersion) {
    return first?.appendId === append.appendId
      ? { kind: 'already', recordedAt: first.recordedAt, headVersion: headVersion ?? stream.length }
      : { kind: 'conflict', headVersion }
  }
  // The key of an event is its task and version: an append that a wrong head lets through must not write over another.
  if (stream.length !== append.expectedVersion) throw new UnstorableAppendError('the head is unlike its stream')
  return undefined
}

/** Events and head in one step. */
const write = (
  database: MemoryDatabase,
  append: Append,
  { now, xid }: { readonly now: Instant; readonly xid: number },
): Extract<AppendVerdict, { readonly kind: 'appended' }> => {
  const { taskId, appendId, expectedVersion, events, context } = structuredClone(append)
  const stream = database.streams.get(taskId) ?? []
  // Time never steps back within a stream, whatever the clock does.
  const recordedAt = Math.max(now, stream.at(-1)?.recordedAt ?? now)
  const recorded = events.map((event, index): RecordedEvent =>
    freeze({ ...event, taskId, version: expectedVersion + index + 1, appendId, recordedAt, context }),
  )
  database.streams.set(taskId, Object.freeze([...stream, ...recorded]))
  database.log.add(xid, recorded)
  const head = nextHead(database.heads.find(taskId), append, recordedAt)
  database.heads.set(head)
  database.learnRoute(head)
  return { kind: 'appended', recordedAt, readyAt: head.readyAt }
}

/** Route and priority are those of the first append for ever, as in a row of which an update sets the other columns. */
const nextHead = (before: Head | undefined, { taskId, head }: Append, recordedAt: Instant): Head =>
  freeze({
    taskId,
    version: head.version,
    status: head.status,
    queue: before?.queue ?? head.queue,
    type: before?.type ?? head.type,
    priority: before?.priority ?? head.priority,
    attempt: head.attempt,
    run: head.run,
    incarnation: head.incarnation,
    readyAt: head.due === undefined ? undefined : readyInstant(head.due, recordedAt),
    lastAt: recordedAt,
  })

const freeze = <Value>(value: Value): Value => {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) freeze(member)
  return Object.freeze(value)
}

const readStream = (database: MemoryDatabase, taskId: TaskId): StreamContent | undefined => {
  if (database.undecodable.has(taskId)) {
    return { kind: 'undecodable', error: new UndecodableStreamError(`the stream of task ${taskId} cannot be read`) }
  }
  const events = database.streams.get(taskId)
  return events && { kind: 'events', events }
}
