import { noTask, type FailedDetail, type RunningTask, type Task, type TaskState } from './state.ts'
import type { FailureCause, RecordedEvent } from './events.ts'
import { readyInstant } from '../time.ts'

/**
 * The state after one more event. Pure, and total over legal histories.
 *
 * ```
 *                 Rescheduled                         ┌── Released ──┐
 *                   ┌─────┐                           ▼              │
 *  (none) ─Submitted─▶ PENDING ──────── Started ──▶ PENDING … PROCESSING ─ CancelRequested ─▶ PROCESSING (cancelling)
 *                     ▲  │  ▲                                 │  │  │                             │  │
 *                     │  │  └──── Failed{final: false}+Retried ┘  │  └──────── Succeeded ──▶ SUCCESS ◀┘  │
 *   Retried{reopened} │  └─ Cancelled ─▶ CANCELLED ◀──────────────┼───────────────── Cancelled ──────────┘
 *                     └───────────────── FAILED ◀── Failed{final} ┘
 * ```
 *
 * Throws IllegalHistoryError for an event that cannot follow: a damaged stream is a breakdown, never a guess.
 */
export const evolve = (state: TaskState, event: RecordedEvent): Task => {
  if (event.version !== state.version + 1) throw new IllegalHistoryError(state, event)
  if (state.status === 'NONE') return submitted(state, event)
  if (event.taskId !== state.taskId) throw new IllegalHistoryError(state, event)
  const next = state.status === 'PROCESSING' ? evolveRunning(state, event) : evolveResting(state, event)
  if (next === undefined) throw new IllegalHistoryError(state, event)
  return next
}

/** The state after all of `events`, beginning before the first. Throws as `evolve` does. */
export const fold = (events: Iterable<RecordedEvent>): TaskState => {
  let state: TaskState = noTask
  for (const event of events) state = evolve(state, event)
  return state
}

/** A stored event cannot follow the ones before it: the stream was damaged, or written around the store. */
export class IllegalHistoryError extends Error {
  override readonly name = 'IllegalHistoryError'
  readonly code = 'illegal-history'
  constructor(state: TaskState, event: RecordedEvent) {
    super(`${event.type} v${event.version} of ${event.taskId} cannot follow ${state.status} v${state.version}`)
  }
}

const submitted = (state: TaskState, event: RecordedEvent): Task => {
  if (event.type !== 'Submitted') throw new IllegalHistoryError(state, event)
  const { type, queue, payload, priority, maxAttempts, timeoutMs, retry, tags } = event.data
  return {
    status: 'PENDING',
    waiting: 'for-instant',
    taskId: event.taskId,
    version: 1,
    submission: { type, queue, payload, priority, maxAttempts, timeoutMs, retry, tags },
    submittedAt: event.recordedAt,
    changedAt: event.recordedAt,
    readyAt: readyInstant(event.data, event.recordedAt),
    attempt: 0,
    attemptsSinceOpening: 0,
    crashesSinceOpening: 0,
    workersLostSinceOpening: 0,
    startedAt: undefined,
    lastFailure: undefined,
  }
}

type Base = Omit<Task, 'status'>

const advance = (state: Task, event: RecordedEvent): Base => ({
  taskId: state.taskId,
  version: event.version,
  submission: state.submission,
  submittedAt: state.submittedAt,
  changedAt: event.recordedAt,
  readyAt: state.readyAt,
  attempt: state.attempt,
  attemptsSinceOpening: state.attemptsSinceOpening,
  crashesSinceOpening: state.crashesSinceOpening,
  workersLostSinceOpening: state.workersLostSinceOpening,
  startedAt: state.startedAt,
  lastFailure: state.lastFailure,
})

const evolveResting = (state: Exclude<Task, RunningTask>, event: RecordedEvent): Task | undefined => {
  switch (event.type) {
    case 'Started':
      return state.status === 'PENDING' && state.attemptsSinceOpening < state.submission.maxAttempts
        ? {
            ...advance(state, event),
            status: 'PROCESSING',
            run: event.version,
            incarnation: event.data.incarnation,
            timeLimitMs: event.data.timeLimitMs,
            wanted: 'result',
            attempt: state.attempt + 1,
            attemptsSinceOpening: state.attemptsSinceOpening + 1,
            startedAt: event.recordedAt,
          }
        : undefined
    case 'Retried':
      return evolveRetried(state, event)
    case 'Rescheduled':
      return state.status === 'PENDING'
        ? {
            ...advance(state, event),
            status: 'PENDING',
            waiting: 'for-instant',
            readyAt: readyInstant(event.data, event.recordedAt),
          }
        : undefined
    case 'Cancelled':
      return state.status === 'PENDING'
        ? { ...advance(state, event), status: 'CANCELLED', finishedAt: event.recordedAt }
        : undefined
    case 'Submitted':
    case 'Failed':
    case 'Succeeded':
    case 'Released':
    case 'CancelRequested':
      return undefined
  }
}

const evolveRetried = (
  state: Exclude<Task, RunningTask>,
  event: RecordedEvent & { readonly type: 'Retried' },
): Task | undefined => {
  const retried: Task = {
    ...advance(state, event),
    status: 'PENDING',
    waiting: 'for-instant',
    readyAt: event.recordedAt + event.data.delayMs,
  }
  if (!event.data.reopened) return state.status === 'PENDING' && state.waiting === 'for-retry' ? retried : undefined
  return state.status === 'FAILED' || state.status === 'CANCELLED'
    ? { ...retried, attemptsSinceOpening: 0, crashesSinceOpening: 0, workersLostSinceOpening: 0 }
    : undefined
}

const evolveRunning = (state: RunningTask, event: RecordedEvent): Task | undefined => {
  switch (event.type) {
    case 'Succeeded':
      return event.data.run === state.run
        ? {
            ...advance(state, event),
            status: 'SUCCESS',
            result: event.data.result,
            finishedAt: event.recordedAt,
            lastFailure: undefined,
          }
        : undefined
    case 'Failed':
      return event.data.run === state.run ? evolveFailed(state, event) : undefined
    case 'Released':
      return event.data.run === state.run && state.wanted === 'result'
        ? {
            ...advance(state, event),
            status: 'PENDING',
            waiting: 'for-instant',
            attempt: state.attempt - 1,
            attemptsSinceOpening: state.attemptsSinceOpening - 1,
          }
        : undefined
    case 'CancelRequested':
      return state.wanted === 'result'
        ? { ...state, version: event.version, changedAt: event.recordedAt, wanted: 'cancellation' }
        : undefined
    case 'Cancelled':
      return state.wanted === 'cancellation'
        ? { ...advance(state, event), status: 'CANCELLED', finishedAt: event.recordedAt }
        : undefined
    case 'Submitted':
    case 'Started':
    case 'Retried':
    case 'Rescheduled':
      return undefined
  }
}

const evolveFailed = (state: RunningTask, event: RecordedEvent & { readonly type: 'Failed' }): Task | undefined => {
  const { cause, error, attempt, final } = event.data
  if (state.wanted === 'cancellation') return undefined
  const crashes = state.crashesSinceOpening + Number(cause === 'crash')
  const failed: Base = {
    ...advance(state, event),
    crashesSinceOpening: crashes,
    workersLostSinceOpening: state.workersLostSinceOpening + Number(cause === 'worker-lost'),
    lastFailure: { error, cause, attempt },
  }
  return final
    ? { ...failed, status: 'FAILED', detail: failedDetail(cause, crashes), finishedAt: event.recordedAt }
    : { ...failed, status: 'PENDING', waiting: 'for-retry' }
}

/** Crashes since the opening that end a task: the second is final. */
export const crashesMax = 2

const failedDetail = (cause: FailureCause, crashes: number): FailedDetail => {
  switch (cause) {
    case 'permanent-error':
    case 'payload-invalid':
    case 'effect-in-doubt':
    case 'effect-changed':
      return cause
    case 'crash':
      return crashes >= crashesMax ? 'crash-loop' : 'attempts-exhausted'
    case 'handler-error':
    case 'timeout':
    case 'worker-lost':
      return 'attempts-exhausted'
  }
}
