import type { ReadyAnnouncer } from '#application/commands/ready-announcer.ts'
import type { Startable } from '#application/commands/task-loader.ts'
import type { Clock } from '#application/ports/clock.ts'
import type { TaskId } from '#domain/identifiers.ts'

/** Tasks at hand that wait for a slot, in the order they were taken. None of them is claimed. */
export interface WaitingTasks {
  add(startables: readonly Startable[]): void
  take(max: number): readonly Startable[]
  has(taskId: TaskId): boolean
  size(): number
  /** Hints again at those that have waited too long: another worker may have a slot free. */
  giveBackStale(): void
  giveBackAll(): void
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

export const createWaitingTasks = ({ clock, announcer }: Deps): WaitingTasks => {
  /** In the order they came. */
  const waiting = new Map<TaskId, Waiting>()

  const giveBackOlderThan = (sinceMs: number): void => {
    for (const [taskId, { startable, sinceMs: since }] of waiting) {
      if (since >= sinceMs) return
      waiting.delete(taskId)
      announcer.announce(startable.task)
    }
  }

  return {
    add: (startables) => {
      const sinceMs = clock.monotonicMs()
      for (const startable of startables) waiting.set(startable.task.taskId, { startable, sinceMs })
    },
    take: (max) => {
      const taken: Startable[] = []
      for (const [taskId, { startable }] of waiting) {
        if (taken.length >= max) break
        waiting.delete(taskId)
        taken.push(startable)
      }
      return taken
    },
    has: (taskId) => waiting.has(taskId),
    size: () => waiting.size,
    giveBackStale: () => giveBackOlderThan(clock.monotonicMs() - waitMsMax),
    giveBackAll: () => giveBackOlderThan(Number.POSITIVE_INFINITY),
    clear: () => waiting.clear(),
  }
}
