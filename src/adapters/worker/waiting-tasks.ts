import type { ReadyAnnouncer } from '#application/commands/ready-announcer.ts'
import type { Startable } from '#application/commands/task-loader.ts'
import type { Clock } from '#application/ports/clock.ts'
import type { TaskId } from '#domain/identifiers.ts'

/** Tasks at hand that wait for a slot, in the order they were taken. None of them is claimed. */
export interface WaitingTasks {
  add(startables: readonly Startable[]): void
  take(max: number): readonly Startable[]
  taskIds(): ReadonlySet<TaskId>
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

export const createWaitingTasks = ({ clock, announcer }: Deps): WaitingTasks => {
  let waiting: (Startable & { readonly sinceMs: number })[] = []

  /** They are in the order they came. */
  const giveBackOlderThan = (sinceMs: number): void => {
    const young = waiting.findIndex((startable) => startable.sinceMs >= sinceMs)
    const old = young === -1 ? waiting.splice(0) : waiting.splice(0, young)
    for (const { task } of old) announcer.announce(task)
  }

  return {
    add: (startables) => {
      const sinceMs = clock.monotonicMs()
      for (const startable of startables) waiting.push({ ...startable, sinceMs })
    },
    take: (max) => waiting.splice(0, max),
    taskIds: () => new Set(waiting.map(({ task }) => task.taskId)),
    size: () => waiting.length,
    giveBackStale: () => giveBackOlderThan(clock.monotonicMs() - waitMsMax),
    giveBackAll: () => giveBackOlderThan(Number.POSITIVE_INFINITY),
    clear: () => {
      waiting = []
    },
  }
}
