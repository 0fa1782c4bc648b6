import { rankOf } from '#domain/rank.ts'
import type { PendingTask, Task } from '#domain/task/state.ts'
import { type Instant, isDue } from '#domain/time.ts'
import type { DueTask } from '../ports/heads/runnable-index.ts'
import type { Hint, Novelty, TaskQueue } from '../ports/queue/task-queue.ts'
import type { StoreClock, Timers } from '../ports/surroundings/clock.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import { createDueTimers } from './due-timers.ts'
import type { Lanes } from './lanes.ts'

/**
 * Puts hints into the queue after a commit: at once for a task that is due, by a timer (due-timers.ts) for one that is due
 * within the horizon, and not at all for one that is due later, which the reconciler finds in time.
 *
 * Callers do not wait for it and it never throws: a lost hint costs delay, because the reconciler pushes it again.
 */
export interface ReadyAnnouncer {
  /**
   * Announces a task as it stands; does nothing unless it is pending. `now` is the store's clock if it was just read;
   * left out, it is estimated.
   */
  announce(task: Task, now?: Instant): void
  /** Pushes a task that is due; sets a timer that pushes one that is due within the horizon. */
  announceDue(task: DueTask, now?: Instant): void
  /** Drops all timers, pushes the hints that wait, and resolves when the pushes in flight have ended. */
  close(): Promise<void>
}

interface Deps {
  readonly queue: TaskQueue
  readonly lanes: Lanes
  readonly storeClock: StoreClock
  readonly timers: Timers
  readonly count: Count
  /** How far ahead timers are set; tasks due later are the reconciler's. */
  readonly horizonMs: number
}

const pushesInFlightMax = 2
const hintsPerPushMax = 1_000
/** Hints beyond this are lost, and counted. */
const hintsWaitingMax = 20_000

export const createReadyAnnouncer = (deps: Deps): ReadyAnnouncer => {
  const waiting: Readonly<Record<Novelty, DueTask[]>> = { new: [], again: [] }
  const inFlight = new Set<Promise<void>>()
  let state: 'open' | 'flush-scheduled' | 'closed' = 'open'

  const pushBatch = async (tasks: readonly DueTask[], novelty: Novelty): Promise<void> => {
    // Without a reading the latest one must do: some hints may then go to a lane where nobody looks.
    if (!deps.lanes.isFresh()) await deps.lanes.refresh().catch(() => {})
    try {
      await deps.queue.push(
        tasks.map((task) => toHint(deps.lanes, task)),
        novelty,
      )
    } catch {
      deps.count('hints-lost', tasks.length)
    }
  }

  const flush = (): void => {
    if (state === 'flush-scheduled') state = 'open'
    while (inFlight.size < pushesInFlightMax) {
      const novelty = waiting.new.length > 0 ? 'new' : 'again'
      const tasks = waiting[novelty].splice(0, hintsPerPushMax)
      if (tasks.length === 0) return
      const push = pushBatch(tasks, novelty).finally(() => {
        inFlight.delete(push)
        flush()
      })
      inFlight.add(push)
    }
  }

  /** The hints of one turn of the event loop go to the queue together. */
  const push = (task: DueTask, novelty: Novelty): void => {
    const isFull = waiting.new.length + waiting.again.length >= hintsWaitingMax
    if (state === 'closed' || isFull) return deps.count('hints-lost')
    waiting[novelty].push(task)
    if (state === 'flush-scheduled') return
    state = 'flush-scheduled'
    deps.timers.soon(flush)
  }

  // Several processes know of a task that is due soon, and each pushes it at its instant.
  const dueTimers = createDueTimers(deps.timers, (task: DueTask) => push(task, 'again'))

  const announceDue = (task: DueTask, now: Instant = deps.storeClock.now()): void => {
    const waitMs = task.readyAt - now
    if (waitMs <= 0) push(task, 'new')
    else if (waitMs <= deps.horizonMs) dueTimers.set(task, waitMs)
  }

  return {
    announceDue,
    announce: (task, now) => {
      if (task.status !== 'PENDING') return
      const due = toDueTask(task)
      if (isDue(task.times, now ?? deps.storeClock.now())) push(due, 'new')
      else announceDue(due, now)
    },
    close: async () => {
      state = 'closed'
      dueTimers.close()
      flush()
      await Promise.all(inFlight)
    },
  }
}

const toHint = (lanes: Lanes, { taskId, route, readyAt, priority }: DueTask): Hint => ({
  taskId,
  route: lanes.laneOf(route),
  rank: rankOf(readyAt, priority),
})

const toDueTask = ({ taskId, times, facts }: PendingTask): DueTask => {
  const { queue, type, priority } = facts.submission
  return { taskId, route: { queue, type }, priority, readyAt: times.readyAt }
}
