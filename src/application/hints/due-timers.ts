import type { Instant } from '#domain/time.ts'
import type { DueTask } from '../ports/heads/runnable-index.ts'
import type { Timers } from '../ports/surroundings/clock.ts'

/** One timer for each task that is due soon. */
export interface DueTimers<Task extends Pick<DueTask, 'taskId' | 'readyAt'>> {
  /** Calls `onDue` with the task after `waitMs`. Does nothing when the task has a timer for that instant, or after `close`. */
  set(task: Task, waitMs: number): void
  /** Drops all timers. */
  close(): void
}

/** More timers than this are not set: the reconciler finds the other tasks once they are due. */
const timersMax = 50_000

export const createDueTimers = <Task extends Pick<DueTask, 'taskId' | 'readyAt'>>(
  timers: Timers,
  onDue: (task: Task) => void,
): DueTimers<Task> => {
  /** What cancels each timer, by task and instant: a task that was rescheduled has a timer for each of its instants. */
  const cancels = new Map<string, () => void>()
  let state: 'open' | 'closed' = 'open'

  return {
    set: (task, waitMs) => {
      const key = toKey(task.taskId, task.readyAt)
      if (state === 'closed' || cancels.size >= timersMax || cancels.has(key)) return
      const fire = (): void => {
        cancels.delete(key)
        onDue(task)
      }
      cancels.set(key, timers.after(waitMs, fire))
    },
    close: () => {
      state = 'closed'
      for (const cancel of cancels.values()) cancel()
      cancels.clear()
    },
  }
}

const toKey = (taskId: string, readyAt: Instant): string => `${taskId} ${readyAt}`
