import {
  type Append,
  type AppendVerdict,
  type Duplicate,
  type EventStore,
  type LoadedStreams,
  type StoredMember,
  type StreamContent,
  loadBytesMax,
  streamsPerCallMax,
  UndecodableStreamError,
  UnstorableAppendError,
} from '#application/ports/events/event-store.ts'
import type { SubmitKey } from '#application/ports/events/submit-keys.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RecordedEvent } from '#domain/task/events.ts'
import type { Head } from '#domain/task/head.ts'
import { type Instant, readyInstant } from '#domain/time.ts'
import { type MemoryDatabase, type StoredKey, submitKeyIn } from '../database.ts'
import { assertStorable } from './storable.ts'

/**
 * An event store in memory: for tests, because its events end with the process.
 *
 * Every call takes effect in one synchronous step before it returns; only the answer is asynchronous. Events are stored as
 * frozen copies, so neither the caller of an append nor a reader can change history. An append whose content a real
 * database would refuse is refused here too. The store is never unavailable and never overloaded.
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
    const verdicts = judgeAll(database, appends)
    const conflicts = appends.filter(({ taskId }) => verdicts.get(taskId)?.kind === 'conflict')
    const reused = appends.filter(({ taskId, key }) => isReused(verdicts.get(taskId), key))
    if (conflicts.length + reused.length > 0) {
      return { kind: 'refused', conflicts: conflicts.map(toTaskId), reused: reused.map(toTaskId) }
    }
    const transaction = { now: database.now(), xid: database.log.beginTransaction() }
    return {
      kind: 'appended',
      members: appends.map((append): StoredMember | Duplicate => {
        const verdict = verdicts.get(append.taskId)
        if (verdict?.kind === 'duplicate') return verdict
        const { recordedAt } = verdict?.kind === 'already' ? verdict : write(database, append, transaction)
        return { kind: 'stored', recordedAt }
      }),
    }
  },

  loadStream: async (taskId) => {
    const content = readStream(database, taskId)
    if (content?.kind === 'undecodable') throw content.error
    return { now: database.now(), events: content?.events ?? [] }
  },

  loadStreams: async (taskIds) => readStreams(database, taskIds),

  loadOutlines: async (taskIds) => {
    const { now, streams, leftOut } = readStreams(database, taskIds)
    return { now, streams: new Map([...streams].map(([taskId, content]) => [taskId, toOutline(content)])), leftOut }
  },
})

const readStreams = (database: MemoryDatabase, taskIds: readonly TaskId[]): LoadedStreams => {
  assertCount(taskIds.length, 0)
  const found = [...new Set(taskIds)].flatMap((taskId) => {
    const content = readStream(database, taskId)
    return content === undefined ? [] : [{ taskId, content, bytes: weigh(content) }]
  })
  const streams = new Map<TaskId, StreamContent>()
  const leftOut: TaskId[] = []
  let bytes = 0
  for (const stream of found.toSorted((a, b) => a.bytes - b.bytes)) {
    bytes += stream.bytes
    if (streams.size > 0 && bytes > loadBytesMax) leftOut.push(stream.taskId)
    else streams.set(stream.taskId, stream.content)
  }
  return { now: database.now(), streams, leftOut }
}

const toOutline = (content: StreamContent): StreamContent =>
  content.kind === 'undecodable' ? content : { kind: 'events', events: content.events.map(withoutBody) }

const withoutBody = (event: RecordedEvent): RecordedEvent => {
  if (event.type === 'Submitted') return { ...event, data: { ...event.data, payload: 'null' } }
  return event.type === 'Succeeded' ? { ...event, data: { ...event.data, result: 'null' } } : event
}

/** The bytes of payload and result, which are what may be large. */
const weigh = (content: StreamContent): number => {
  if (content.kind === 'undecodable') return 0
  let bytes = 0
  for (const event of content.events) {
    if (event.type === 'Submitted') bytes += event.data.payload.length
    else if (event.type === 'Succeeded') bytes += event.data.result.length
  }
  return bytes
}

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
  if (append.key !== undefined && append.expectedVersion > 0) throw new RangeError('a key of a stream that has begun')
  assertStorable(append)
}

type Refusal = Exclude<AppendVerdict, { readonly kind: 'appended' }>
type HeldKeys = ReadonlyMap<string, Pick<StoredKey, 'taskId' | 'fingerprint'>>

/** The verdicts on the appends that cannot be written now. Of equal keys, the append of the lowest task id takes the key. */
const judgeAll = (database: MemoryDatabase, appends: readonly Append[]): ReadonlyMap<TaskId, Refusal> => {
  const refusals = new Map<TaskId, Refusal>()
  const held = new Map<string, Pick<StoredKey, 'taskId' | 'fingerprint'>>(database.submitKeys)
  for (const append of appends.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1))) {
    const refusal = judge(database, append, held)
    if (refusal !== undefined) refusals.set(append.taskId, refusal)
    else if (append.key !== undefined) held.set(submitKeyIn(append.key), { ...append.key, taskId: append.taskId })
  }
  return refusals
}

const isReused = (verdict: Refusal | undefined, key: SubmitKey | undefined): boolean =>
  verdict?.kind === 'duplicate' && verdict.fingerprint !== key?.fingerprint

const toTaskId = (append: Append): TaskId => append.taskId

/** The verdict on an append that cannot be written now; undefined when it can. */
const judge = (database: MemoryDatabase, append: Append, held: HeldKeys = database.submitKeys): Refusal | undefined => {
  const stream = database.streams.get(append.taskId) ?? []
  const head = database.heads.find(append.taskId)
  const headVersion = head?.version
  const first = stream[append.expectedVersion]
  const holder = append.key && held.get(submitKeyIn(append.key))
  if (holder !== undefined && holder.taskId !== append.taskId && first?.appendId !== append.appendId) {
    return { kind: 'duplicate', taskId: holder.taskId, fingerprint: holder.fingerprint }
  }
  if ((headVersion ?? 0) !== append.expectedVersion) {
    return first?.appendId === append.appendId
      ? { kind: 'already', recordedAt: first.recordedAt, headVersion: headVersion ?? stream.length }
      : { kind: 'conflict', headVersion }
  }
  if (head !== undefined && isOvertaken(append, head)) return { kind: 'conflict', headVersion }
  // A wrong head can let an append through whose versions exist already; it must not replace those events.
  if (stream.length !== append.expectedVersion) throw new UnstorableAppendError('the head is unlike its stream')
  return undefined
}

/** Whether the expected version was given to something else: another run, or not the pending task that a start needs. */
const isOvertaken = ({ claim, head: { run, attempt } }: Append, head: Head): boolean => {
  if (claim !== undefined) return head.claim !== claim
  return run !== undefined && (head.readyAt === undefined || head.attempt !== attempt - 1)
}

/** An append tells the instant that it was recorded at, unless somebody has told about the same: see append.sql. */
const clockToldMs = 15_000

/** Stores events, head and key in one step. */
const write = (
  database: MemoryDatabase,
  append: Append,
  { now, xid }: { readonly now: Instant; readonly xid: number },
): Extract<AppendVerdict, { readonly kind: 'appended' }> => {
  const { taskId, appendId, expectedVersion, events, context, key } = structuredClone(append)
  const stream = database.streams.get(taskId) ?? []
  // Time never steps back within a stream, whatever the clock does.
  const recordedAt = Math.max(now, stream.at(-1)?.recordedAt ?? now)
  const recorded = events.map((event, index): RecordedEvent =>
    freeze({ ...event, taskId, version: expectedVersion + index + 1, appendId, recordedAt, context }),
  )
  database.streams.set(taskId, Object.freeze([...stream, ...recorded]))
  if (database.latestClock < recordedAt - clockToldMs) database.latestClock = recordedAt
  database.log.add(xid, recorded)
  const head = nextHead(database.heads.find(taskId), append, recordedAt)
  database.heads.set(head)
  database.learnRoute(head)
  if (key !== undefined) {
    database.submitKeys.set(submitKeyIn(key), { taskId, fingerprint: key.fingerprint, createdAt: now })
  }
  return { kind: 'appended', recordedAt, readyAt: head.readyAt }
}

/** Route and priority stay those of the first append: in Postgres an append updates the other columns only. */
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
    claim: head.claim,
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
    return {
      kind: 'undecodable',
      error: new UndecodableStreamError(taskId, `the stream of task ${taskId} cannot be read`),
    }
  }
  const events = database.streams.get(taskId)
  return events && { kind: 'events', events }
}
