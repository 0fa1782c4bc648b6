import type { TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import { type EventStore, StoreUnavailableError } from '../ports/events/event-store.ts'
import type { ProgressBoard } from '../ports/ledger/progress-board.ts'
import { findTask } from './find-task.ts'

export interface TaskWithProgress {
  readonly task: Task
  /** The store's clock, for judging the detail. */
  readonly now: Instant
  /** The last word of the run in force, and of an ended task the last one there was; undefined when there is none. */
  readonly progress: JsonText | undefined
}

interface Deps {
  readonly store: EventStore
  readonly progress: ProgressBoard
}

/**
 * The present state of a task and how far it says it has come, or undefined when there is none. Only a task that runs or
 * has run costs a second round trip. Progress that cannot be read is left out. Throws as `loadStream` does.
 */
export const findTaskWithProgress = async (deps: Deps, taskId: TaskId): Promise<TaskWithProgress | undefined> => {
  const found = await findTask(deps.store, taskId)
  return found && { ...found, progress: await findProgress(deps.progress, found.task) }
}

/** How far a task says it has come. Undefined when it has not run, says nothing, or cannot be asked. */
export const findProgress = async (board: ProgressBoard, task: Task): Promise<JsonText | undefined> => {
  if (task.status === 'PENDING' || task.attempt === 0) return undefined
  try {
    const report = await board.find(task.taskId)
    const isPast = task.status === 'PROCESSING' && report?.run !== task.run
    return isPast ? undefined : report?.value
  } catch (error) {
    if (error instanceof StoreUnavailableError) return undefined
    throw error
  }
}
