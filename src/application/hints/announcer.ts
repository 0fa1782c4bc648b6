import type { TaskId } from '#domain/identifiers.ts'
import { rankOf } from '#domain/rank.ts'
import type { Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import type { StoreClock, Timers } from '../ports/surroundings/clock.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import type { Route } from '#domain/route.ts'
import type { DueTask } from '../ports/heads/runnable-index.ts'
import type { Hint, TaskQueue } from '../ports/queue/task-queue.ts'

/**
 * Puts hints into the queue after a commit: at once for what is due, by a timer for what is due soon, and not at all for
 * what is due later, which the reconciler finds in time.
 *
 * Nobody waits for it and it never throws: a hint that is lost costs delay, because the reconciler pushes it again.
 */
export interface ReadyAnnouncer {
  /**
   * Announces a task as it stands; does nothing unless it is pending. `now` is the store's clock if it was just read, and
   * otherwise estimated.
   */
  announce(task: Task, now?: Instant): void
  /** Sets a timer that pushes at the instant the task is due; pushes at once when that is past. */
  announceDue(task: DueTask, now?: Instant): void
  /** Drops all timers, and resolves when the pushes in flight have ended. */
  close(): Promise<void>
}

interface Deps {
  readonly queue: TaskQueue
  readonly storeClock: StoreClock
  readonly timers: Timers
  readonly count: Count
  /** How far ahead timers are set; what is due later is the reconciler's. */
  readonly horizonMs: number
}

const pushesInFlightMax = 2
const hintsPerPushMax = 1_000
const hintsWaitingMax = 20_000
const timersMax = 50_000

export const createReadyAnnouncer = (deps: Deps): ReadyAnnouncer => {
  const waiting: Hint[] = []
  const dueTimers = new Map<string, () => void>()
  const inFlight = new Set<Promise<void>>()
  let state: 'open' | 'flushing' | 'closed' = 'open'

  const pushSome = async (hints: readonly Hint[]): Promise<void> => {
    try {
      await deps.queue.push(hints)
    } catch {
      deps.count('hints-lost', hints.length)
    }
  }

  const flush = (): void => {
    if (state === 'flushing') state = 'open'
    while (waiting.length > 0 && inFlight.size < pushesInFlightMax) {
      const push = pushSome(waiting.splice(0, hintsPerPushMax)).finally(() => {
        inFlight.delete(push)
        flush()
      })
      inFlight.add(push)
    }
  }

  const enqueue = (hint: Hint): void => {
    if (state === 'closed' || waiting.length >= hintsWaitingMax) return deps.count('hints-lost')
    waiting.push(hint)
    if (state === 'flushing') return
    state = 'flushing'
    deps.timers.soon(flush)
  }

  const announceDue = (task: DueTask, now: Instant = deps.storeClock.now()): void => {
    const hint = { taskId: task.taskId, route: task.route, rank: rankOf(task.readyAt, task.priority) }
    const waitMs = task.readyAt - now
    if (waitMs <= 0) return enqueue(hint)
    const key = timerKey(task)
    if (waitMs > deps.horizonMs || dueTimers.has(key) || dueTimers.size >= timersMax || state === 'closed') return
    dueTimers.set(
      key,
      deps.timers.after(waitMs, () => {
        dueTimers.delete(key)
        enqueue(hint)
      }),
    )
  }

  return {
    announceDue,
    announce: (task, now) => {
      if (task.status !== 'PENDING') return
      const { queue, type, priority } = task.submission
      announceDue({ taskId: task.taskId, route: { queue, type }, priority, readyAt: task.readyAt }, now)
    },
    close: async () => {
      state = 'closed'
      for (const cancel of dueTimers.values()) cancel()
      dueTimers.clear()
      flush()
      await Promise.all(inFlight)
    },
  }
}

const timerKey = (task: { readonly taskId: TaskId; readonly route: Route; readonly readyAt: Instant }): string =>
  `${task.taskId} ${task.readyAt}`
