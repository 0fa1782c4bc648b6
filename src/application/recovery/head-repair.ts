import type { TaskId } from '#domain/identifiers.ts'
import { type Head, toHead } from '#domain/task/head.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import type { Task } from '#domain/task/state.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import { foldStream } from '../runs/fold-stream.ts'
import { loadInParts } from '../runs/load-in-parts.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'

/**
 * Compares suspected heads with the folds of their events, and repairs those that are unlike.
 *
 * With a wrong head a task is found runnable and refused for ever, or loses every race. Most suspects are only late hints, so
 * they are gathered and compared together, and callers do not wait. A suspect that is dropped comes up again.
 */
export interface HeadRepair {
  suspect(taskId: TaskId): void
  /** Forgets the suspects, and resolves when the comparison under way has ended. Never throws. */
  close(): Promise<void>
}

interface Deps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly announcer: ReadyAnnouncer
  readonly runtime: Runtime
}

/** One call of the store compares so many; suspects beyond it are dropped. */
const suspectsMax = 1_000

export const createHeadRepair = (deps: Deps): HeadRepair => {
  let suspects = new Set<TaskId>()
  let comparing: Promise<void> | undefined
  let state: 'open' | 'closed' = 'open'

  const compareAll = async (): Promise<void> => {
    while (suspects.size > 0 && state === 'open') {
      const taskIds = [...suspects]
      suspects = new Set()
      try {
        await repairHeads(deps, taskIds)
      } catch (error) {
        deps.runtime.logger.debug({ err: error }, 'suspected heads were not compared')
      }
    }
    comparing = undefined
  }

  return {
    suspect: (taskId) => {
      if (state === 'closed' || suspects.size >= suspectsMax) return
      suspects.add(taskId)
      comparing ??= new Promise<void>((resolve) => deps.runtime.timers.soon(resolve)).then(compareAll)
    },
    close: async () => {
      state = 'closed'
      await comparing
    },
  }
}

const repairHeads = async ({ store, index, announcer, runtime }: Deps, taskIds: readonly TaskId[]): Promise<void> => {
  const heads = await index.findHeads(taskIds)
  await loadInParts(
    { load: (ids) => store.loadOutlines(ids), logger: runtime.logger },
    taskIds,
    async ({ streams }, part) => {
      for (const taskId of part) {
        const read = foldStream(streams.get(taskId))
        if (read.kind !== 'task') continue
        const { task } = read
        if (isSameHead(heads.get(taskId), toHead(task))) continue
        // A task that moved between the two reads looks unlike as well: repairing compares once more, and leaves it alone.
        if ((await repairHead({ index, count: runtime.count }, task)) === 'unchanged') continue
        runtime.logger.warn({ taskId, version: task.version }, 'a head was unlike its events and was repaired')
        announcer.announce(task)
      }
    },
  )
}

/**
 * Makes the head of a task equal to `task`, the fold of its events, unless more events follow by now; counts a repair.
 *
 * Call it also after a lost race for a stream that did not move: its head is wrong, and every race is lost until it is
 * repaired. Throws StoreUnavailableError.
 */
export const repairHead = async (
  { index, count }: { readonly index: Pick<TaskIndex, 'repairHead'>; readonly count: Count },
  task: Task,
): Promise<'repaired' | 'unchanged'> => {
  const outcome = await index.repairHead(toHead(task))
  if (outcome === 'repaired') count('heads-repaired')
  return outcome
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
  stored.claim === head.claim &&
  stored.incarnation === head.incarnation &&
  stored.readyAt === head.readyAt &&
  stored.lastAt === head.lastAt
