import { type TaskChange, toRecordedTask, toTaskChange } from '#domain/task/change.ts'
import type { EventContext, TaskEvent } from '#domain/task/events.ts'
import { toHeadChange } from '#domain/task/head.ts'
import { noTask, type Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import type { Append, StoredVerdict } from '../ports/events/event-store.ts'
import type { SubmitKey } from '../ports/events/submit-keys.ts'
import type { Identities } from '../ports/surroundings/identities.ts'

/** An append, and the change it makes of its task: `toRecordedTask` completes that once the store has stored the append. */
export interface PlannedAppend {
  readonly append: Append
  readonly change: TaskChange
}

/** The append that records `events` on `task`. */
export const planAppend = (
  identities: Identities,
  task: Task,
  events: readonly TaskEvent[],
  context: EventContext,
): PlannedAppend => {
  const { taskId, version } = task
  const appendId = identities.mintAppendId()
  const change = toTaskChange(task, { taskId, appendId }, events)
  const head = toHeadChange(change)
  return task.status === 'PROCESSING'
    ? { append: { taskId, expectedVersion: version, appendId, events, head, context, claim: task.claim }, change }
    : { append: { taskId, expectedVersion: version, appendId, events, head, context }, change }
}

/** The append that begins a task with `events`, under a new id and, when one is given, under `key`. */
export const planFirstAppend = (
  identities: Identities,
  events: readonly TaskEvent[],
  context: EventContext,
  key: SubmitKey | undefined,
): Append => {
  const taskId = identities.mintTaskId()
  const appendId = identities.mintAppendId()
  const change = toTaskChange(noTask, { taskId, appendId }, events)
  const append: Append = { taskId, expectedVersion: 0, appendId, events, head: toHeadChange(change), context }
  return key === undefined ? append : { ...append, key }
}

/**
 * The task that a stored append has begun. Folded a second time: a submission waits for its flush beside thousands, and a
 * change that is kept meanwhile doubles what the garbage collector copies for it (5.6 MB of each 48 to 9 MB).
 */
export const toFirstTask = ({ taskId, appendId, events }: Append, recordedAt: Instant): Task =>
  toRecordedTask(toTaskChange(noTask, { taskId, appendId }, events), recordedAt)

/** Whether the append was the last of its stream when the store gave its verdict. */
export const wasLast = (append: Append, verdict: StoredVerdict): boolean =>
  verdict.kind === 'appended' || verdict.headVersion === append.head.version
