import { backOffMs } from '#application/mechanisms/back-off.ts'
import type { Startable, TaskLoader } from '#application/runs/task-loader.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Random } from '#application/ports/surroundings/identities.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { WorkerLease } from '../lease/worker-lease.ts'

/** The loading of pulled ids, several batches at a time. */
export interface Loads {
  begin(taskIds: readonly TaskId[], lease: WorkerLease): void
  has(taskId: TaskId): boolean
  size(): number
  /** Resolves when none is under way any more. */
  settle(): Promise<void>
}

interface Deps {
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
  readonly loader: TaskLoader
  /** Once aborted, a load that fails is not tried again. */
  readonly stop: AbortSignal
  readonly onLoaded: (startables: readonly Startable[], lease: WorkerLease) => void
  /** A load ended, whatever came of it. */
  readonly onEnded: () => void
}

export const createLoads = (deps: Deps): Loads => {
  const loading = new Set<TaskId>()
  const underWay = new Set<Promise<void>>()

  /** A store that is away is asked again, for the ids are gone from the queue. */
  const load = async (taskIds: readonly TaskId[], lease: WorkerLease): Promise<void> => {
    for (let failures = 0; lease.isHeld(); failures += 1) {
      try {
        return deps.onLoaded(await deps.loader.load(taskIds, lease.incarnation), lease)
      } catch (error) {
        if (deps.stop.aborted) return
        if (failures === 0) deps.logger.warn({ err: error }, 'pulled tasks could not be loaded and will be again')
        await deps.timers.sleep(backOffMs(failures, deps.random()), lease.signal)
      }
    }
  }

  return {
    begin: (taskIds, lease) => {
      if (taskIds.length === 0) return
      for (const taskId of taskIds) loading.add(taskId)
      const ended = load(taskIds, lease).finally(() => {
        for (const taskId of taskIds) loading.delete(taskId)
        underWay.delete(ended)
        deps.onEnded()
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
