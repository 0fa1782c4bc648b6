import type { Instant } from '../time.ts'
import type { TaskEvent } from './events.ts'
import { follow, type RecordedBy } from './evolve.ts'
import type { Task, TaskState, TaskTimes, UnrecordedTask } from './state.ts'
import { timesAfter } from './times.ts'

/** Events that are to be recorded together, and what they make of a task: everything but the times, which the store sets. */
export interface TaskChange {
  readonly events: readonly TaskEvent[]
  readonly after: UnrecordedTask
  /** Undefined when the task begins with this change. */
  readonly timesBefore: TaskTimes | undefined
}

/**
 * Folds `events`, at least one, onto `state`, as the append that is named will record them. `toRecordedTask` adds what is
 * left open, without folding them again.
 *
 * Throws IllegalHistoryError when they cannot follow.
 */
export const toTaskChange = (state: TaskState, by: RecordedBy, events: readonly TaskEvent[]): TaskChange => {
  let after: UnrecordedTask | undefined
  for (const event of events) after = follow(after ?? state, event, by, undefined)
  if (after === undefined) throw new RangeError('a change without events')
  return { events, after, timesBefore: state.times }
}

/** The task once the store has said when it recorded the change: the same that folding the recorded events gives. */
export const toRecordedTask = ({ events, after, timesBefore }: TaskChange, recordedAt: Instant): Task => {
  let times = timesBefore
  for (const event of events) times = timesAfter(times, event, recordedAt)
  if (times === undefined) throw new RangeError('a change without events')
  return { ...after, times }
}
