import { decide } from '#domain/task/decide.ts'
import { defaultRetryPolicy, type RetryPolicy } from '#domain/retry-policy.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { EventContext, JsonText, Submission } from '#domain/task/events.ts'
import { noTask, type Task } from '#domain/task/state.ts'
import type { Due, Instant } from '#domain/time.ts'
import type { StoreClock } from '../ports/surroundings/clock.ts'
import {
  type Append,
  type Duplicate,
  type EventStore,
  type StoredVerdict,
  StoreUnavailableError,
} from '../ports/events/event-store.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import type { RefusedName, Routes } from '../ports/heads/routes.ts'
import type { Route } from '#domain/route.ts'
import type { SubmitKey } from '../ports/events/submit-keys.ts'
import type { HandlerDefaults } from '../ports/task-handler.ts'
import { findTask } from '../queries/find-task.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'
import { planFirstAppend, toFirstTask } from './plan-append.ts'
import type { FindReplay } from './replays.ts'

/** A request to submit a task. Values left out come from the definition of the type, else from the defaults. */
export interface SubmitRequest {
  readonly type: string
  readonly payload: JsonText
  readonly queue?: string
  readonly priority?: number
  readonly due?: Due
  readonly maxAttempts?: number
  readonly timeoutMs?: number
  readonly retry?: Partial<RetryPolicy>
  readonly tags?: readonly string[]
  /** Requests with equal keys and fingerprints are one request and make one task. */
  readonly key?: SubmitKey
}

/** What became of a request to submit. */
export interface SubmitOutcome {
  /** `replayed`: an earlier request with this key made the task, which is answered as it stands now. */
  readonly kind: 'submitted' | 'replayed'
  readonly task: Task
  /** The store's clock. */
  readonly now: Instant
  /** Only of a task replayed by `submit`: the progress it reported. */
  readonly progress?: JsonText | undefined
}

export interface SubmitDeps {
  readonly store: EventStore
  readonly routes: Routes
  readonly identities: Identities
  readonly storeClock: StoreClock
  readonly announcer: ReadyAnnouncer
  /** The defaults in the definition of a type; none when this process has not loaded it. */
  readonly defaultsOf: (type: string) => HandlerDefaults
}

/** The queue or the type of the request is a new name, and there are as many names as there may be. Nothing was stored. */
export class NameRefusedError extends Error {
  override readonly name = 'NameRefusedError'
  readonly code = 'name-refused'
  readonly kind: RefusedName['kind']
  constructor({ kind, name }: RefusedName) {
    super(`${name} is a new ${kind}, and there are as many names as NAMES_MAX allows`)
    this.kind = kind
  }
}

/** The error for a route that has one of the refused names. */
export const findRefusal = (refused: readonly RefusedName[], { queue, type }: Route): NameRefusedError | undefined => {
  if (refused.length === 0) return undefined
  const found = refused.find(({ kind, name }) => name === (kind === 'queue' ? queue : type))
  return found && new NameRefusedError(found)
}

/** The store gave no answer while it stored the task. Whether it was stored can be found out later by `taskId`. */
export class SubmitUnknownError extends Error {
  override readonly name = 'SubmitUnknownError'
  readonly code = 'submit-unknown'
  readonly taskId: TaskId
  constructor(taskId: TaskId, options?: ErrorOptions) {
    super(`whether task ${taskId} was stored is not known`, options)
    this.taskId = taskId
  }
}

/** The key of the request belongs to the task of a different request. Nothing was stored. */
export class KeyReusedError extends Error {
  override readonly name = 'KeyReusedError'
  readonly code = 'key-reused'
  constructor() {
    super('the key was used for another request')
  }
}

/** The given `maxMs` is below the `baseMs` in effect, which comes from the type's definition or the defaults. */
export class RetryPolicyError extends Error {
  override readonly name = 'RetryPolicyError'
  readonly code = 'retry-policy'
}

/**
 * Makes a task durable, then hints at it. Each call makes one task; with a key that was used before it makes none.
 *
 * Throws SubmitUnknownError when the task may have been stored; StoreUnavailableError, StoreOverloadedError and
 * UnstorableAppendError when it was not; KeyReusedError; RetryPolicyError; NameRefusedError. With a key it is safe to repeat the request.
 */
export const submitTask = async (
  deps: SubmitDeps,
  request: SubmitRequest,
  context: EventContext,
): Promise<SubmitOutcome> => {
  const append = planSubmit(deps, request, context)
  const refusal = findRefusal(await deps.routes.learn([append.head]), append.head)
  if (refusal !== undefined) throw refusal
  const verdict = await appendFirst(deps.store, append)
  if (verdict.kind !== 'duplicate') return toSubmitted(deps, append, verdict)
  assertSameRequest(append, verdict)
  const earlier = await findTask(deps.store, verdict.taskId)
  if (earlier === undefined) throw new Error(`task ${verdict.taskId} holds a key and is not there`)
  return { kind: 'replayed', ...earlier }
}

/** The append that a request asks for, under a new id. Throws RetryPolicyError. */
export const planSubmit = (deps: SubmitDeps, request: SubmitRequest, context: EventContext): Append => {
  const submission = toSubmission(request, deps.defaultsOf(request.type))
  const decision = decide(noTask, { type: 'Submit', submission, due: request.due ?? { delayMs: 0 } })
  if (decision.kind === 'rejected') throw new Error(`a new task was refused: ${decision.rejection.code}`)
  return planFirstAppend(deps.identities, decision.events, context, request.key)
}

/** Throws as `submitTask` does. */
export const appendFirst = (store: EventStore, append: Append): Promise<StoredVerdict | Duplicate> =>
  store.append(append).then(
    (verdict) => {
      if (verdict.kind === 'conflict') throw new Error(`task id ${append.taskId} was minted twice`)
      return verdict
    },
    (error: unknown) => {
      throw toSubmitError(error, append.taskId)
    },
  )

/** The error as SubmitUnknownError when the task may have been stored, else as it is. */
export const toSubmitError = (error: unknown, taskId: TaskId): unknown =>
  error instanceof StoreUnavailableError && error.fate === 'unknown'
    ? new SubmitUnknownError(taskId, { cause: error })
    : error

/** The outcome of one of many requests, by the verdict on its append. Throws KeyReusedError, and as `findReplay` does. */
export const toOutcome = (
  deps: SubmitDeps,
  append: Append,
  verdict: { readonly recordedAt: Instant } | Duplicate,
  findReplay: FindReplay,
): SubmitOutcome => {
  if (!('fingerprint' in verdict)) return toSubmitted(deps, append, verdict)
  assertSameRequest(append, verdict)
  return { kind: 'replayed', ...findReplay(verdict.taskId) }
}

const assertSameRequest = (append: Append, { fingerprint }: Duplicate): void => {
  if (fingerprint !== append.key?.fingerprint) throw new KeyReusedError()
}

/** The outcome of a request whose append is stored; hints at its task. */
const toSubmitted = (
  deps: SubmitDeps,
  append: Append,
  { recordedAt }: { readonly recordedAt: Instant },
): SubmitOutcome => {
  const task = toFirstTask(append, recordedAt)
  deps.announcer.announce(task)
  return { kind: 'submitted', task, now: Math.max(recordedAt, deps.storeClock.now()) }
}

/** Fills in the values that the request leaves out. Throws RetryPolicyError. */
const toSubmission = (request: SubmitRequest, defaults: HandlerDefaults): Submission => ({
  type: request.type,
  queue: request.queue ?? 'default',
  payload: request.payload,
  priority: request.priority ?? 0,
  maxAttempts: request.maxAttempts ?? defaults.maxAttempts ?? 5,
  timeoutMs: request.timeoutMs ?? defaults.timeoutMs ?? 60_000,
  retry: toRetryPolicy(request.retry, defaults.retry ?? defaultRetryPolicy),
  tags: request.tags ?? noTags,
})

const noTags: readonly string[] = []

/** A `maxMs` left out is the larger of its default and `baseMs`. */
const toRetryPolicy = (wanted: SubmitRequest['retry'], defaults: RetryPolicy): RetryPolicy => {
  if (wanted === undefined && defaults.maxMs >= defaults.baseMs) return defaults
  const retry = { ...defaults, ...wanted }
  if (wanted?.maxMs === undefined) return { ...retry, maxMs: Math.max(retry.maxMs, retry.baseMs) }
  if (wanted.maxMs >= retry.baseMs) return retry
  throw new RetryPolicyError(`maxMs ${retry.maxMs} lies below the baseMs in effect, ${retry.baseMs}`)
}
