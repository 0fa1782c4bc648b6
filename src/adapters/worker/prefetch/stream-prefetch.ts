import { askUntilAnswered } from '#application/mechanisms/ask-until-answered.ts'
import type { Startable, TaskLoader } from '#application/runs/task-loader.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { WorkerLease } from '../lease/worker-lease.ts'

/** Loads the streams of pulled ids, several batches at a time. */
export interface StreamPrefetch {
  begin(taskIds: readonly TaskId[], lease: WorkerLease): void
  /** Whether the task is being loaded. */
  has(taskId: TaskId): boolean
  /** How many tasks are being loaded. */
  size(): number
  /** Resolves when no load is under way any more. */
  settle(): Promise<void>
}

interface Deps {
  readonly runtime: Runtime
  readonly loader: TaskLoader
  /** Once aborted, a load that fails is not tried again: the reconciler hints at its tasks later. */
  readonly stop: AbortSignal
  readonly onLoaded: (startables: readonly Startable[], lease: WorkerLease) => void
  /** Called when a load has ended as a whole, with or without success. */
  readonly onEnded: () => void
}

export const createStreamPrefetch = ({ runtime, loader, stop, onLoaded, onEnded }: Deps): StreamPrefetch => {
  const loading = new Set<TaskId>()
  const underWay = new Set<Promise<void>>()

  /** Asks until the store answers, for as long as the lease is held: the ids are gone from the queue. */
  const load = async (taskIds: readonly TaskId[], lease: WorkerLease): Promise<void> => {
    let left = taskIds
    const ask = async (): Promise<void> => {
      if (!lease.isHeld()) return
      await loader.load(left, lease.incarnation, (startables, part) => {
        for (const taskId of part) loading.delete(taskId)
        left = left.filter((taskId) => loading.has(taskId))
        onLoaded(startables, lease)
      })
    }
    const asking = askUntilAnswered(ask, {
      isPassing: () => !stop.aborted,
      sleep: (delayMs) => runtime.timers.sleep(delayMs, lease.signal),
      random: runtime.random,
      onFirstFailure: (error) =>
        runtime.logger.warn({ err: error }, 'pulled tasks could not be loaded and will be again'),
    })
    // It throws only once `stop` has aborted.
    await asking.catch(() => {})
  }

  return {
    begin: (taskIds, lease) => {
      if (taskIds.length === 0) return
      for (const taskId of taskIds) loading.add(taskId)
      const ended = load(taskIds, lease).finally(() => {
        for (const taskId of taskIds) loading.delete(taskId)
        underWay.delete(ended)
        onEnded()
      })
      underWay.add(ended)
    },
    has: (taskId) => loading.has(taskId),
    size: () => loading.size,
    settle: async () => {
      await Promise.all(underWay)
    },
  }
}
