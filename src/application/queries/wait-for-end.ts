import type { TaskId } from '#domain/identifiers.ts'
import { isEnded } from '#domain/task/state.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { ProgressBoard } from '../ports/ledger/progress-board.ts'
import type { EndWatch } from './end-watch.ts'
import { findTaskWithProgress, type TaskWithProgress } from './find-task-with-progress.ts'

interface Deps {
  readonly store: EventStore
  readonly progress: ProgressBoard
  readonly ends: EndWatch
}

/**
 * The task as soon as it has ended, and as it stands when `withinMs` have gone by or `signal` aborts; undefined when there
 * is none. Throws as `loadStream` does, and StoreOverloadedError when too many wait.
 */
export const waitForEnd = async (
  deps: Deps,
  taskId: TaskId,
  withinMs: number,
  signal: AbortSignal,
): Promise<TaskWithProgress | undefined> => {
  const found = await findTaskWithProgress(deps, taskId)
  if (found === undefined || isEnded(found.task) || withinMs <= 0) return found
  await deps.ends.wait(taskId, withinMs, signal)
  return findTaskWithProgress(deps, taskId)
}
