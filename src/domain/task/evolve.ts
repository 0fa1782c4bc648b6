import type { AppendId, Run, TaskId } from '../identifiers.ts'
import type { Failed, RecordedEvent, Submitted, TaskEvent } from './events.ts'
import { findEndingDetail } from './failure-causes.ts'
import { type NoTask, noTask, type Task, type TaskFacts, type TaskState, type TaskWith } from './state.ts'
import { timesAfter } from './times.ts'
import { mayFollow } from './transitions.ts'

/**
 * The state after one more event. Pure, and total over legal histories: which event may follow which state is the table in
 * `transitions`, drawn there; beyond it the event must name the run in force, and a start must have an attempt left.
 *
 * Throws IllegalHistoryError for an event that cannot follow: a damaged stream is a breakdown, never a guess.
 */
export const evolve = (state: TaskState, event: RecordedEvent): Task => {
  const isNext = event.version === state.version + 1 && (state.status === 'NONE' || event.taskId === state.taskId)
  if (!isNext) throw new IllegalHistoryError(state, event, event)
  return follow(state, event, event, timesAfter(state.times, event, event.recordedAt))
}

/** The state after all of `events`, beginning before the first. Throws as `evolve` does. */
export const fold = (events: Iterable<RecordedEvent>): TaskState => {
  let state: TaskState = noTask
  for (const event of events) state = evolve(state, event)
  return state
}

type Unfinished = NoTask | TaskWith<unknown>

/** Where an event is recorded. */
export type RecordedBy = Pick<RecordedEvent, 'taskId' | 'appendId'>

/** The task after one more event of its stream, with `times` as its times. Throws IllegalHistoryError. */
export const follow = <Times>(
  state: Unfinished,
  event: TaskEvent,
  { taskId, appendId }: RecordedBy,
  times: Times,
): TaskWith<Times> => {
  if (mayFollow(state.phase, event)) {
    if (event.type === 'Submitted') return toSubmitted(event, taskId, times)
    const next = state.status === 'NONE' ? undefined : findNext(state, event, appendId, times)
    if (next !== undefined) return next
  }
  throw new IllegalHistoryError(state, event, { taskId, version: state.version + 1 })
}

/** A stored event cannot follow the ones before it: the stream was damaged, or written around the store. */
export class IllegalHistoryError extends Error {
  override readonly name = 'IllegalHistoryError'
  readonly code = 'illegal-history'
  readonly taskId: TaskId
  constructor(state: Unfinished, event: TaskEvent, { taskId, version }: Pick<RecordedEvent, 'taskId' | 'version'>) {
    super(`${event.type} v${version} of ${taskId} cannot follow ${state.status} v${state.version}`)
    this.taskId = taskId
  }
}

const toSubmitted = <Times>(event: Submitted, taskId: TaskId, times: Times): TaskWith<Times> => {
  const { type, queue, payload, priority, maxAttempts, timeoutMs, retry, tags } = event.data
  return {
    status: 'PENDING',
    phase: 'waiting',
    taskId,
    version: 1,
    facts: {
      submission: { type, queue, payload, priority, maxAttempts, timeoutMs, retry, tags },
      attempt: 0,
      attemptsSinceOpening: 0,
      crashesSinceOpening: 0,
      workersLostSinceOpening: 0,
      lastFailure: undefined,
    },
    times,
  }
}

/** The task after an event that the table allows; undefined when its run is not in force, or no attempt is left. */
const findNext = <Times>(
  task: TaskWith<unknown>,
  event: Exclude<TaskEvent, Submitted>,
  appendId: AppendId,
  times: Times,
): TaskWith<Times> | undefined => {
  const { taskId, facts } = task
  const version = task.version + 1
  switch (event.type) {
    case 'Started': {
      if (facts.attemptsSinceOpening >= facts.submission.maxAttempts) return undefined
      const { incarnation, timeLimitMs } = event.data
      const started = countAttempt(facts, 1)
      return {
        status: 'PROCESSING',
        phase: 'running',
        taskId,
        version,
        facts: started,
        times,
        run: version,
        claim: appendId,
        incarnation,
        timeLimitMs,
      }
    }
    case 'Succeeded': {
      if (!isInForce(task, event.data.run)) return undefined
      const succeeded = facts.lastFailure === undefined ? facts : { ...facts, lastFailure: undefined }
      return {
        status: 'SUCCESS',
        phase: 'succeeded',
        taskId,
        version,
        facts: succeeded,
        times,
        result: event.data.result,
      }
    }
    case 'Failed':
      return isInForce(task, event.data.run) ? toFailed(task, event, times) : undefined
    case 'Released':
      return isInForce(task, event.data.run) ? toWaiting(task, countAttempt(facts, -1), times) : undefined
    case 'Retried':
      return toWaiting(task, event.data.reopened ? { ...facts, ...nothingSinceOpening } : facts, times)
    case 'Rescheduled':
      return toWaiting(task, facts, times)
    case 'CancelRequested': {
      if (task.status !== 'PROCESSING') return undefined
      const { run, claim, incarnation, timeLimitMs } = task
      const cancelling = { status: 'PROCESSING', phase: 'cancelling' } as const
      return { ...cancelling, taskId, version, facts, times, run, claim, incarnation, timeLimitMs }
    }
    case 'Cancelled':
      return { status: 'CANCELLED', phase: 'cancelled', taskId, version, facts, times }
  }
}

const isInForce = (task: TaskWith<unknown>, run: Run): boolean => task.status === 'PROCESSING' && task.run === run

const nothingSinceOpening = { attemptsSinceOpening: 0, crashesSinceOpening: 0, workersLostSinceOpening: 0 }

const countAttempt = (facts: TaskFacts, by: 1 | -1): TaskFacts => ({
  ...facts,
  attempt: facts.attempt + by,
  attemptsSinceOpening: facts.attemptsSinceOpening + by,
})

const toWaiting = <Times>({ taskId, version }: TaskWith<unknown>, facts: TaskFacts, times: Times): TaskWith<Times> => ({
  status: 'PENDING',
  phase: 'waiting',
  taskId,
  version: version + 1,
  facts,
  times,
})

const toFailed = <Times>(task: TaskWith<unknown>, { data }: Failed, times: Times): TaskWith<Times> => {
  const { taskId } = task
  const version = task.version + 1
  const { cause, error, attempt } = data
  const facts: TaskFacts = {
    ...task.facts,
    crashesSinceOpening: task.facts.crashesSinceOpening + Number(cause === 'crash'),
    workersLostSinceOpening:
      task.facts.workersLostSinceOpening + Number(cause === 'worker-lost' && data.detail !== 'fenced'),
    lastFailure: { error, cause, attempt },
  }
  if (!data.final) return { status: 'PENDING', phase: 'awaiting-retry', taskId, version, facts, times }
  const detail = findEndingDetail(cause, facts.crashesSinceOpening) ?? 'attempts-exhausted'
  return { status: 'FAILED', phase: 'failed', taskId, version, facts, times, detail }
}
