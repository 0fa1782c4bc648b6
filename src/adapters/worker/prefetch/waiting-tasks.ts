import type { ReadyAnnouncer } from '#application/hints/announcer.ts'
import type { Startable } from '#application/runs/task-loader.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { TaskId } from '#domain/identifiers.ts'

/** Loaded tasks that wait for a slot, in the order in which they were pulled. None of them is claimed. */
export interface WaitingTasks {
  add(startables: readonly Startable[]): void
  take(max: number): readonly Startable[]
  has(taskId: TaskId): boolean
  size(): number
  /** Hints again at those that have waited for over 1 s, and forgets them: another worker may have a slot free. */
  giveBackStale(): void
  giveBackAll(): void
  /** Forgets all without hinting at them. */
  clear(): void
}

interface Deps {
  readonly clock: Clock
  readonly announcer: ReadyAnnouncer
}

const waitMsMax = 1_000

interface Waiting {
  readonly startable: Startable
  readonly sinceMs: number
}

/** An array as queue and a set of ids, in place of one map of tasks: see slot-table.ts. */
export const createWaitingTasks = ({ clock, announcer }: Deps): WaitingTasks => {
  const taskIds = new Set<TaskId>()
  /** In the order in which they came; those before `first` are gone. */
  const waiting: (Waiting | undefined)[] = []
  let first = 0

  const shift = (): Startable | undefined => {
    const startable = waiting[first]?.startable
    if (startable === undefined) return undefined
    taskIds.delete(startable.task.taskId)
    waiting[first] = undefined
    first += 1
    if (first === waiting.length) clear()
    return startable
  }

  const clear = (): void => {
    waiting.length = 0
    first = 0
    taskIds.clear()
  }

  const giveBackOlderThan = (sinceMs: number): void => {
    while ((waiting[first]?.sinceMs ?? Number.POSITIVE_INFINITY) < sinceMs) {
      const startable = shift()
      if (startable !== undefined) announcer.announce(startable.task)
    }
  }

  return {
    add: (startables) => {
      const sinceMs = clock.monotonicMs()
      // The places of tasks that are gone take up at most as much room as the tasks that wait, and each task is moved once
      // on average.
      if (first > waiting.length / 2) {
        waiting.copyWithin(0, first)
        waiting.length -= first
        first = 0
      }
      for (const startable of startables) {
        if (taskIds.has(startable.task.taskId)) continue
        taskIds.add(startable.task.taskId)
        waiting.push({ startable, sinceMs })
      }
    },
    take: (max) => {
      const taken: Startable[] = []
      while (taken.length < max) {
        const startable = shift()
        if (startable === undefined) break
        taken.push(startable)
      }
      return taken
    },
    has: (taskId) => taskIds.has(taskId),
    size: () => taskIds.size,
    giveBackStale: () => giveBackOlderThan(clock.monotonicMs() - waitMsMax),
    giveBackAll: () => giveBackOlderThan(Number.POSITIVE_INFINITY),
    clear,
  }
}
