import { decide } from '#domain/decide.ts'
import { defaultRetryPolicy, type RetryPolicy } from '#domain/retry-policy.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { EventContext, JsonText, Submission } from '#domain/task-events.ts'
import { changeHead, foldOnto } from '#domain/task-head.ts'
import { noTask, type Task } from '#domain/task-state.ts'
import type { Due, Instant } from '#domain/time.ts'
import type { StoreClock } from '../ports/clock.ts'
import { type Append, type AppendVerdict, type EventStore, StoreUnavailableError } from '../ports/event-store.ts'
import type { Identities } from '../ports/identities.ts'
import type { Route, Routes } from '../ports/routes.ts'
import type { Signals } from '../ports/signals.ts'
import type { HandlerDefaults } from '../ports/task-handler.ts'
import type { ReadyAnnouncer } from './ready-announcer.ts'

/** What a caller asks for; what it leaves out is filled in from the type's definition, then from the defaults. */
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
}

interface Deps {
  readonly store: EventStore
  readonly routes: Routes
  readonly identities: Identities
  readonly storeClock: StoreClock
  readonly announcer: ReadyAnnouncer
  readonly signals: Signals
  /** The defaults that the definition of a type brings, if this process has loaded it. */
  readonly defaultsOf: (type: string) => HandlerDefaults
}

/** A route that is new is announced, so that workers serve it at once and not from their next pass on. */
const learnRoute = async ({ routes, signals }: Pick<Deps, 'routes' | 'signals'>, route: Route): Promise<void> => {
  const fresh = await routes.learn([route])
  if (fresh.length > 0) void signals.announce({ kind: 'route-learned' })
}

/** The store fell silent while the task was being stored: whoever asks for `taskId` later learns whether it was. */
export class SubmitUnknownError extends Error {
  override readonly name = 'SubmitUnknownError'
  readonly code = 'submit-unknown'
  readonly taskId: TaskId
  constructor(taskId: TaskId, options?: ErrorOptions) {
    super(`nobody knows whether task ${taskId} was stored`, options)
    this.taskId = taskId
  }
}

/** A `maxMs` was given that lies below the `baseMs` in effect, which the type's definition or the defaults brought. */
export class RetryPolicyError extends Error {
  override readonly name = 'RetryPolicyError'
  readonly code = 'retry-policy'
}

/**
 * Makes a task durable, then hints at it. Each call makes one task.
 *
 * Throws SubmitUnknownError when the task may have been stored or not; StoreUnavailableError, StoreOverloadedError and
 * UnstorableAppendError when it was not; RetryPolicyError.
 */
export const submitTask = async (
  deps: Deps,
  request: SubmitRequest,
  context: EventContext,
): Promise<{ readonly task: Task; readonly now: Instant }> => {
  const submission = toSubmission(request, deps.defaultsOf(request.type))
  await learnRoute(deps, { queue: submission.queue, type: submission.type })
  const decision = decide(noTask, { type: 'Submit', submission, due: request.due ?? { delayMs: 0 } })
  if (decision.kind === 'rejected') throw new Error(`a new task was refused: ${decision.rejection.code}`)
  const taskId = deps.identities.mintTaskId()
  const appendId = deps.identities.mintAppendId()
  const { events } = decision
  const head = changeHead(noTask, taskId, appendId, events)
  const verdict = await appendFirst(deps.store, { taskId, expectedVersion: 0, appendId, events, head, context })
  if (verdict.kind === 'conflict') throw new Error(`task id ${taskId} was minted twice`)
  const task = foldOnto(noTask, events, { taskId, appendId, recordedAt: verdict.recordedAt })
  deps.announcer.announce(task)
  return { task, now: Math.max(verdict.recordedAt, deps.storeClock.now()) }
}

const appendFirst = async (store: EventStore, append: Append): Promise<AppendVerdict> => {
  try {
    return await store.append(append)
  } catch (error) {
    if (error instanceof StoreUnavailableError && error.fate === 'unknown') {
      throw new SubmitUnknownError(append.taskId, { cause: error })
    }
    throw error
  }
}

/** Fills in what was left out. A `maxMs` left out is the larger of its default and `baseMs`. Throws RetryPolicyError. */
export const toSubmission = (request: SubmitRequest, defaults: HandlerDefaults): Submission => {
  const retry = { ...(defaults.retry ?? defaultRetryPolicy), ...request.retry }
  if (request.retry?.maxMs !== undefined && request.retry.maxMs < retry.baseMs) {
    throw new RetryPolicyError(`maxMs ${retry.maxMs} lies below the baseMs in effect, ${retry.baseMs}`)
  }
  return {
    type: request.type,
    queue: request.queue ?? 'default',
    payload: request.payload,
    priority: request.priority ?? 0,
    maxAttempts: request.maxAttempts ?? defaults.maxAttempts ?? 5,
    timeoutMs: request.timeoutMs ?? defaults.timeoutMs ?? 60_000,
    retry: request.retry?.maxMs === undefined ? { ...retry, maxMs: Math.max(retry.maxMs, retry.baseMs) } : retry,
    tags: request.tags ?? [],
  }
}
