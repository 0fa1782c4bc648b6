import type { TaskId } from '#domain/identifiers.ts'
import { type Head, toHead } from '#domain/task/head.ts'
import type { Timers } from '../ports/surroundings/clock.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import { readTask } from '../runs/read-task.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'

/**
 * Compares suspected heads with the folds of their events, and repairs those that are unlike.
 *
 * A head in the wrong makes its task be found runnable and refused for ever, or lose every race. Most suspects are only
 * late hints, so they are gathered and looked at together, and nobody waits for it. What is missed is suspected again.
 */
export interface HeadRepair {
  suspect(taskId: TaskId): void
  /** Forgets what is suspected, and resolves when the look that is under way has ended. Never throws. */
  close(): Promise<void>
}

interface Deps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly announcer: ReadyAnnouncer
  readonly timers: Timers
  readonly logger: Logger
  readonly count: Count
}

const suspectsMax = 1_000

export const createHeadRepair = (deps: Deps): HeadRepair => {
  let suspects = new Set<TaskId>()
  let looking: Promise<void> | undefined
  let state: 'open' | 'closed' = 'open'

  const lookAtAll = async (): Promise<void> => {
    while (suspects.size > 0 && state === 'open') {
      const taskIds = [...suspects]
      suspects = new Set()
      try {
        await repairHeads(deps, taskIds)
      } catch (error) {
        deps.logger.debug({ err: error }, 'suspected heads were not compared')
      }
    }
    looking = undefined
  }

  return {
    suspect: (taskId) => {
      if (state === 'closed' || suspects.size >= suspectsMax) return
      suspects.add(taskId)
      looking ??= new Promise<void>((resolve) => deps.timers.soon(resolve)).then(lookAtAll)
    },
    close: async () => {
      state = 'closed'
      await looking
    },
  }
}

const repairHeads = async (deps: Deps, taskIds: readonly TaskId[]): Promise<void> => {
  const heads = await deps.index.findHeads(taskIds)
  const { streams } = await deps.store.loadStreams(taskIds)
  for (const taskId of taskIds) {
    const read = readTask(streams.get(taskId))
    if (read.kind !== 'task') continue
    const head = toHead(read.task)
    if (isSameHead(heads.get(taskId), head)) continue
    // A task that moved between the two reads looks unlike as well: repairing compares once more, and leaves it alone.
    if ((await deps.index.repairHead(head)) === 'unchanged') continue
    deps.count('heads-repaired')
    deps.logger.warn({ taskId, version: head.version }, 'a head was unlike its events and was repaired')
    deps.announcer.announce(read.task)
  }
}

/** Whether a stored head says what the fold of the events says. */
export const isSameHead = (stored: Head | undefined, head: Head): boolean =>
  stored !== undefined &&
  stored.version === head.version &&
  stored.status === head.status &&
  stored.queue === head.queue &&
  stored.type === head.type &&
  stored.priority === head.priority &&
  stored.attempt === head.attempt &&
  stored.run === head.run &&
  stored.incarnation === head.incarnation &&
  stored.readyAt === head.readyAt &&
  stored.lastAt === head.lastAt
