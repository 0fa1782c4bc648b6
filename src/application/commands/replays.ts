import type { TaskId } from '#domain/identifiers.ts'
import type { Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import type { Duplicate, EventStore } from '../ports/events/event-store.ts'
import { foldStream } from '../runs/fold-stream.ts'
import { loadAll } from '../runs/load-in-parts.ts'

/** The task that holds the key of a duplicate, as it stands now, and the store's clock. Throws when it cannot be read. */
export type FindReplay = (taskId: TaskId) => { readonly task: Task; readonly now: Instant }

/** Reads the tasks that hold the keys of `duplicates`, at most 1000. Throws StoreUnavailableError. */
export const readReplays = async (store: EventStore, duplicates: readonly Duplicate[]): Promise<FindReplay> => {
  const taskIds = [...new Set(duplicates.map(({ taskId }) => taskId))]
  if (taskIds.length === 0) return failMissing
  const { now, streams } = await loadAll({ load: (ids) => store.loadStreams(ids) }, taskIds)
  return (taskId) => {
    const read = foldStream(streams.get(taskId))
    if (read.kind === 'unreadable') throw read.error
    return read.kind === 'none' ? failMissing(taskId) : { task: read.task, now }
  }
}

const failMissing = (taskId: TaskId): never => {
  throw new Error(`task ${taskId} holds a key and is not there`)
}
