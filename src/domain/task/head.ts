import type { AppendId, Incarnation, Run, TaskId } from '../identifiers.ts'
import type { Due, Instant } from '../time.ts'
import type { TaskChange } from './change.ts'
import type { TaskEvent } from './events.ts'
import type { Task, TaskStatus, TaskTimes } from './state.ts'
import { findDue } from './times.ts'

/** The slim row derived from a task: appends compare and set it, runnable tasks are found by it, lists are read from it. */
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
  /** Only while it runs: the append that began the run. */
  readonly claim: AppendId | undefined
  /** Only while it runs. */
  readonly incarnation: Incarnation | undefined
  /** Only while it is pending. */
  readonly readyAt: Instant | undefined
  readonly lastAt: Instant
}

/** The head that `task` must have: a repair and a rebuild write it, and a check compares with it. */
export const toHead = (task: Task): Head => ({
  taskId: task.taskId,
  version: task.version,
  status: task.status,
  queue: task.facts.submission.queue,
  type: task.facts.submission.type,
  priority: task.facts.submission.priority,
  attempt: task.facts.attempt,
  run: task.status === 'PROCESSING' ? task.run : undefined,
  claim: task.status === 'PROCESSING' ? task.claim : undefined,
  incarnation: task.status === 'PROCESSING' ? task.incarnation : undefined,
  readyAt: task.status === 'PENDING' ? task.times.readyAt : undefined,
  lastAt: task.times.changedAt,
})

/** The head that a change leaves, before the store says when it recorded the change. */
export interface HeadChange {
  readonly version: number
  readonly status: TaskStatus
  readonly queue: string
  readonly type: string
  readonly priority: number
  readonly attempt: number
  readonly run: Run | undefined
  readonly claim: AppendId | undefined
  readonly incarnation: Incarnation | undefined
  /** When it becomes ready: `readyInstant(due, recordedAt)`, in the core and in SQL alike. Undefined unless pending. */
  readonly due: Due | undefined
}

/** What `change` makes of the head. */
export const toHeadChange = ({ events, after, timesBefore }: TaskChange): HeadChange => {
  const { submission, attempt } = after.facts
  return {
    version: after.version,
    status: after.status,
    queue: submission.queue,
    type: submission.type,
    priority: submission.priority,
    attempt,
    run: after.status === 'PROCESSING' ? after.run : undefined,
    claim: after.status === 'PROCESSING' ? after.claim : undefined,
    incarnation: after.status === 'PROCESSING' ? after.incarnation : undefined,
    due: after.status === 'PENDING' ? toDue(events, timesBefore) : undefined,
  }
}

/** By the last event that says when, else as before. */
const toDue = (events: readonly TaskEvent[], timesBefore: TaskTimes | undefined): Due | undefined => {
  let due: Due | undefined = timesBefore && { runAt: timesBefore.readyAt }
  for (const event of events) due = findDue(event) ?? due
  if (due === undefined) return undefined
  return due.runAt === undefined ? { delayMs: due.delayMs } : { runAt: due.runAt }
}
