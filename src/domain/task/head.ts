import type { Incarnation, Run, TaskId } from '../identifiers.ts'
import type { EventContext, RecordedEvent, TaskEvent } from './events.ts'
import type { Task, TaskState, TaskStatus } from './state.ts'
import { evolve } from './evolve.ts'
import type { AppendId } from '../identifiers.ts'
import type { Due, Instant } from '../time.ts'

/** The slim, derived row of a task: what is compared and set, what is runnable, what lists are read from. */
export interface Head {
  readonly taskId: TaskId
  readonly version: number
  readonly status: TaskStatus
  readonly queue: string
  readonly type: string
  readonly priority: number
  readonly attempt: number
  /** Only while it runs. */
  readonly run: Run | undefined
  /** Only while it runs. */
  readonly incarnation: Incarnation | undefined
  /** Only while it is pending. */
  readonly readyAt: Instant | undefined
  readonly lastAt: Instant
}

/** The head that `task` must have. Head and fold are compared by this; a rebuild writes it. */
export const toHead = (task: Task): Head => ({
  taskId: task.taskId,
  version: task.version,
  status: task.status,
  queue: task.submission.queue,
  type: task.submission.type,
  priority: task.submission.priority,
  attempt: task.attempt,
  run: task.status === 'PROCESSING' ? task.run : undefined,
  incarnation: task.status === 'PROCESSING' ? task.incarnation : undefined,
  readyAt: task.status === 'PENDING' ? task.readyAt : undefined,
  lastAt: task.changedAt,
})

/** What an append makes of the head, before anybody knows the instant it is recorded at. */
export interface HeadChange {
  readonly version: number
  readonly status: TaskStatus
  readonly queue: string
  readonly type: string
  readonly priority: number
  readonly attempt: number
  readonly run: Run | undefined
  readonly incarnation: Incarnation | undefined
  /** When it becomes ready, counted from the recording; undefined unless pending. */
  readonly due: Due | undefined
}

/**
 * The head after `events` are appended to a stream in `state`. Throws IllegalHistoryError when they cannot follow.
 *
 * The instant is left open because only the store knows it: `readyInstant(due, recordedAt)` closes it, there and here alike.
 */
export const changeHead = (
  state: TaskState,
  taskId: TaskId,
  appendId: AppendId,
  events: readonly TaskEvent[],
): HeadChange => {
  const after = foldOnto(state, events, { taskId, appendId, recordedAt: 0 })
  const { queue, type, priority } = after.submission
  return {
    version: after.version,
    status: after.status,
    queue,
    type,
    priority,
    attempt: after.attempt,
    run: after.status === 'PROCESSING' ? after.run : undefined,
    incarnation: after.status === 'PROCESSING' ? after.incarnation : undefined,
    due: after.status === 'PENDING' ? (findDue(events) ?? { runAt: after.readyAt }) : undefined,
  }
}

const noContext: EventContext = {}

/** Folds events that were, or are about to be, recorded together at one instant. `events` must not be empty. */
export const foldOnto = (
  state: TaskState,
  events: readonly TaskEvent[],
  { taskId, appendId, recordedAt }: Pick<RecordedEvent, 'taskId' | 'appendId' | 'recordedAt'>,
): Task => {
  let after: TaskState = state
  for (const event of events) {
    after = evolve(after, { ...event, taskId, appendId, recordedAt, context: noContext, version: after.version + 1 })
  }
  if (after.status === 'NONE') throw new RangeError('an append without events')
  return after
}

/** Of the last event that says. */
const findDue = (events: readonly TaskEvent[]): Due | undefined => {
  let due: Due | undefined
  for (const event of events) {
    switch (event.type) {
      case 'Submitted':
      case 'Rescheduled':
        due = event.data.runAt === undefined ? { delayMs: event.data.delayMs } : { runAt: event.data.runAt }
        break
      case 'Retried':
        due = { delayMs: event.data.delayMs }
        break
      case 'Started':
      case 'Failed':
      case 'Succeeded':
      case 'Released':
      case 'CancelRequested':
      case 'Cancelled':
        break
    }
  }
  return due
}
