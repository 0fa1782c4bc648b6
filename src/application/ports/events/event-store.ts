import type { AppendId, TaskId } from '#domain/identifiers.ts'
import type { EventContext, RecordedEvent, TaskEvent } from '#domain/task/events.ts'
import type { HeadChange } from '#domain/task/head.ts'
import type { Instant } from '#domain/time.ts'
import type { SubmitKey } from './submit-keys.ts'

/** The only authority on what happened to a task: one append-only stream each, compared and set by version. */
export interface EventStore {
  /**
   * Appends `events` at `expectedVersion` and sets the head in the same transaction: all of it or nothing, durable before
   * the verdict. Concurrent appends may travel together; that is the adapter's business and changes no verdict.
   *
   * An append with a key takes the key in the same step, and is `duplicate` when another holds it: of many at once with
   * equal keys one is stored. What is not stored takes no key.
   *
   * Throws StoreUnavailableError (its `fate` says whether the append may have been stored all the same: ask again with
   * the same `appendId`), StoreOverloadedError (nothing was stored) or UnstorableAppendError (never will be).
   */
  append(append: Append): Promise<AppendVerdict>

  /**
   * Appends 1..1000 appends to as many streams, all or nothing. Of equal keys among them that of the lowest task id is
   * taken. One whose key is held with the same fingerprint is not stored and refuses nothing. Throws as `append` does.
   */
  appendAll(appends: readonly Append[]): Promise<AppendAllVerdict>

  /** One stream in order of version, empty when there is none. Throws UndecodableStreamError or StoreUnavailableError. */
  loadStream(taskId: TaskId): Promise<LoadedStream>

  /**
   * Up to 1000 streams, in one round trip unless their contents are large. Answers as many as about `loadBytesMax` holds,
   * the light ones first and at least one, and names the others. A stream that cannot be decoded is an answer of its own and
   * spoils no other. Throws StoreUnavailableError.
   */
  loadStreams(taskIds: readonly TaskId[]): Promise<LoadedStreams>

  /** The same with `null` in place of each payload and result, which may weigh a thousand times as much as all else. */
  loadOutlines(taskIds: readonly TaskId[]): Promise<LoadedStreams>
}

/** How many streams, or appends, one call may name. */
export const streamsPerCallMax = 1_000

/** About how many bytes of payloads, results and errors one load answers. */
export const loadBytesMax = 4_194_304

/** Events to be stored together. One `appendId` has one content for ever; sending it again is always safe. */
export interface Append {
  readonly taskId: TaskId
  /** Version of the stream's last event; 0 for a stream that does not exist yet. */
  readonly expectedVersion: number
  readonly appendId: AppendId
  readonly events: readonly TaskEvent[]
  /** What the append makes of the head, by `toHeadChange`. */
  readonly head: HeadChange
  readonly context: EventContext
  /**
   * Of an append to a task that runs: the append that began the run it was decided for. It is stored only while the head
   * names the same: after a failover that lost commits another run may stand at the expected version. For the same reason
   * an append that starts a task is stored only while the head is pending and has had one attempt less.
   */
  readonly claim?: AppendId
  /** Only of an append that begins a stream. */
  readonly key?: SubmitKey
}

export type AppendVerdict =
  /** `readyAt` is given when the task is pending now. */
  | { readonly kind: 'appended'; readonly recordedAt: Instant; readonly readyAt: Instant | undefined }
  /** This very append was stored before. `headVersion` tells whether anything followed. */
  | { readonly kind: 'already'; readonly recordedAt: Instant; readonly headVersion: number }
  /** The stream is not at `expectedVersion`, or runs by another claim. `headVersion` is undefined when the task has no head. */
  | { readonly kind: 'conflict'; readonly headVersion: number | undefined }
  | Duplicate

/** The key of the append is held by an earlier task, with that fingerprint. Only an append with a key meets it. */
export interface Duplicate {
  readonly kind: 'duplicate'
  readonly taskId: TaskId
  readonly fingerprint: string
}

/** The verdicts on an append that is stored, by this call or an earlier one. */
export type StoredVerdict = Extract<AppendVerdict, { readonly kind: 'appended' | 'already' }>

export const isStored = (verdict: AppendVerdict): verdict is StoredVerdict =>
  verdict.kind === 'appended' || verdict.kind === 'already'

export type AppendAllVerdict =
  /** In the order given; a duplicate has the fingerprint of its append. */
  | { readonly kind: 'appended'; readonly members: readonly (StoredMember | Duplicate)[] }
  /** Nothing was stored, because of these streams, and of these whose key is held with another fingerprint. */
  | { readonly kind: 'refused'; readonly conflicts: readonly TaskId[]; readonly reused: readonly TaskId[] }

export interface StoredMember {
  readonly kind: 'stored'
  readonly recordedAt: Instant
}

export interface LoadedStream {
  /** The store's clock when it answered. */
  readonly now: Instant
  readonly events: readonly RecordedEvent[]
}

export interface LoadedStreams {
  /** The store's clock when it answered. */
  readonly now: Instant
  /** A stream without events is not in it. */
  readonly streams: ReadonlyMap<TaskId, StreamContent>
  /** The streams that there was no room for: for another call. */
  readonly leftOut: readonly TaskId[]
}

export type StreamContent =
  | { readonly kind: 'events'; readonly events: readonly RecordedEvent[] }
  | { readonly kind: 'undecodable'; readonly error: UndecodableStreamError }

/** `read-only`: it answers, and takes no writes. */
export type StoreOutage = 'silent' | 'read-only'

/** The store gave no answer in time, or refused service. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
  readonly code = 'store-unavailable'
  /** `unknown`: the write may have been stored. `not-stored`: it was not. */
  readonly fate: 'unknown' | 'not-stored'
  readonly state: StoreOutage
  constructor(
    message: string,
    fate: 'unknown' | 'not-stored',
    { state = 'silent', ...options }: ErrorOptions & { readonly state?: StoreOutage } = {},
  ) {
    super(message, options)
    this.fate = fate
    this.state = state
  }
}

/** The appends of this process wait in a full queue, or another transaction kept the head locked. Nothing was stored. */
export class StoreOverloadedError extends Error {
  override readonly name = 'StoreOverloadedError'
  readonly code = 'overloaded'
}

/** The store will never take this append: its content does not fit. Nothing was stored, and nothing beside it failed. */
export class UnstorableAppendError extends Error {
  override readonly name = 'UnstorableAppendError'
  readonly code = 'unstorable-append'
}

/** A stored stream that this release cannot read: written by a later one, or damaged. */
export class UndecodableStreamError extends Error {
  override readonly name = 'UndecodableStreamError'
  readonly code = 'undecodable-stream'
  readonly taskId: TaskId
  constructor(taskId: TaskId, message: string, options?: ErrorOptions) {
    super(message, options)
    this.taskId = taskId
  }
}
