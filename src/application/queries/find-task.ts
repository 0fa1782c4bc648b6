import { fold } from '#domain/task/evolve.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import { type EventStore, StoreUnavailableError } from '../ports/events/event-store.ts'
import type { ProgressBoard } from '../ports/ledger/progress-board.ts'

export interface TaskWithProgress {
  readonly task: Task
  /** The store's clock, for judging the detail. */
  readonly now: Instant
  /** The latest progress of the run in force; of an ended task, of its last run; undefined when it reported none. */
  readonly progress: JsonText | undefined
}

interface Deps {
  readonly store: EventStore
  readonly progress: ProgressBoard
}

/**
 * The present state of a task with its progress, or undefined when there is no such task. Only a task that runs or has run
 * costs a second round trip. Progress that cannot be read is left out. Throws as `loadStream` does.
 */
export const findTaskWithProgress = async (
  { store, progress }: Deps,
  taskId: TaskId,
): Promise<TaskWithProgress | undefined> => {
  const found = await findTask(store, taskId)
  return found && { task: found.task, now: found.now, progress: await findProgress(progress, found.task) }
}

/**
 * The present state of a task, by its events alone, with the store's clock; undefined when there is no such task. Throws as
 * `loadStream` does.
 */
export const findTask = async (
  store: EventStore,
  taskId: TaskId,
): Promise<{ readonly task: Task; readonly now: Instant } | undefined> => {
  const { now, events } = await store.loadStream(taskId)
  const task = fold(events)
  return task.status === 'NONE' ? undefined : { task, now }
}

/** The latest progress of a task. Undefined when it has not run, has reported none, or the store is away. */
export const findProgress = async (board: ProgressBoard, task: Task): Promise<JsonText | undefined> => {
  if (task.status === 'PENDING' || task.facts.attempt === 0) return undefined
  try {
    const report = await board.find(task.taskId)
    const isOfEarlierRun = task.status === 'PROCESSING' && report?.run !== task.run
    return isOfEarlierRun ? undefined : report?.value
  } catch (error) {
    if (error instanceof StoreUnavailableError) return undefined
    throw error
  }
}
