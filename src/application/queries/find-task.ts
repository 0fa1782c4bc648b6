import { fold } from '#domain/task/evolve.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Task } from '#domain/task/state.ts'
import { type TimelineEntry, toTimeline } from '#domain/task/timeline.ts'
import type { Instant } from '#domain/time.ts'
import type { EventStore } from '../ports/events/event-store.ts'

/** The present state of a task with the store's clock, or undefined when there is none. Throws as `loadStream` does. */
export const findTask = async (
  store: EventStore,
  taskId: TaskId,
): Promise<{ readonly task: Task; readonly now: Instant } | undefined> => {
  const { now, events } = await store.loadStream(taskId)
  const task = fold(events)
  return task.status === 'NONE' ? undefined : { task, now }
}

/** A task's whole history, or undefined when there is none. Throws as `loadStream` does. */
export const findTimeline = async (
  store: EventStore,
  taskId: TaskId,
): Promise<readonly TimelineEntry[] | undefined> => {
  const { events } = await store.loadStream(taskId)
  return events.length === 0 ? undefined : toTimeline(events)
}
