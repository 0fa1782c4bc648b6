import { fold } from '#domain/task/evolve.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RecordedEvent } from '#domain/task/events.ts'
import type { Task } from '#domain/task/state.ts'
import { type TimelineEntry, toTimeline } from '#domain/task/timeline.ts'
import type { Instant } from '#domain/time.ts'
import type { EventStore } from '../ports/events/event-store.ts'

/** A task as it was at an earlier version or instant. */
export type PastTask =
  /** `now`: the instant at which its detail is to be judged. */
  | { readonly kind: 'found'; readonly task: Task; readonly now: Instant }
  | { readonly kind: 'task-not-found' }
  /** Asked for a time before its first event. */
  | { readonly kind: 'not-yet-submitted' }
  /** Asked for a version that it has not reached. */
  | { readonly kind: 'version-not-found' }

/** Every event of a task as people read it, oldest first; undefined when there is no such task. Throws as `loadStream` does. */
export const findTimeline = async (
  store: EventStore,
  taskId: TaskId,
): Promise<readonly TimelineEntry[] | undefined> => {
  const { events } = await store.loadStream(taskId)
  return events.length === 0 ? undefined : toTimeline(events)
}

/** The task as its first `version` events leave it, judged at the instant of the last of them. Throws as `loadStream` does. */
export const findTaskAsOfVersion = async (store: EventStore, taskId: TaskId, version: number): Promise<PastTask> => {
  const { events } = await store.loadStream(taskId)
  if (events.length === 0) return { kind: 'task-not-found' }
  if (version < 1) return { kind: 'not-yet-submitted' }
  const last = events[version - 1]
  return last === undefined ? { kind: 'version-not-found' } : toFound(events.slice(0, version), last.recordedAt)
}

/**
 * The task as it was at `instant`, events of that millisecond included. An instant in the future gives the present. Throws
 * as `loadStream` does.
 */
export const findTaskAsOf = async (store: EventStore, taskId: TaskId, instant: Instant): Promise<PastTask> => {
  const { now, events } = await store.loadStream(taskId)
  if (events.length === 0) return { kind: 'task-not-found' }
  if (instant >= now) return toFound(events, now)
  // Within a stream `recordedAt` never steps back, so the events until then are its first ones.
  const until = events.filter((event) => event.recordedAt <= instant)
  return until.length === 0 ? { kind: 'not-yet-submitted' } : toFound(until, instant)
}

const toFound = (events: readonly RecordedEvent[], now: Instant): PastTask => {
  const state = fold(events)
  return state.status === 'NONE' ? { kind: 'task-not-found' } : { kind: 'found', task: state, now }
}
