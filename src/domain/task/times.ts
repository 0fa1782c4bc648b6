import { type Due, type Instant, readyInstant } from '../time.ts'
import type { TaskEvent } from './events.ts'
import type { TaskTimes } from './state.ts'

/** The times of a task after one more event. `before` is undefined before the first. */
export const timesAfter = (before: TaskTimes | undefined, event: TaskEvent, recordedAt: Instant): TaskTimes => {
  const due = findDue(event)
  return {
    submittedAt: before === undefined ? recordedAt : before.submittedAt,
    changedAt: recordedAt,
    readyAt: due === undefined ? (before?.readyAt ?? recordedAt) : readyInstant(due, recordedAt),
    startedAt: event.type === 'Started' ? recordedAt : before?.startedAt,
    finishedAt: isEnd(event) ? recordedAt : undefined,
  }
}

/** When the task becomes ready by `event`; undefined for an event that does not say. */
export const findDue = (event: TaskEvent): Due | undefined => {
  switch (event.type) {
    case 'Submitted':
    case 'Rescheduled':
    case 'Retried':
      return event.data
    case 'Started':
    case 'Failed':
    case 'Succeeded':
    case 'Released':
    case 'CancelRequested':
    case 'Cancelled':
      return undefined
  }
}

const isEnd = (event: TaskEvent): boolean =>
  event.type === 'Succeeded' || event.type === 'Cancelled' || (event.type === 'Failed' && event.data.final)
