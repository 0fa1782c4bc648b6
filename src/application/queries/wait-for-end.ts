import type { TaskId } from '#domain/identifiers.ts'
import { isEnded } from '#domain/task/state.ts'
import type { Timers } from '../ports/surroundings/clock.ts'
import { type EventStore, StoreOverloadedError } from '../ports/events/event-store.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import type { ProgressBoard } from '../ports/ledger/progress-board.ts'
import { findTaskWithProgress, type TaskWithProgress } from './find-task.ts'

interface Deps {
  readonly store: EventStore
  readonly progress: ProgressBoard
  readonly ends: EndWatch
}

/**
 * The task as soon as it has ended, or as it stands when `withinMs` have gone by or `signal` aborts; undefined when there
 * is no such task. Throws as `loadStream` does, and StoreOverloadedError when too many wait.
 */
export const waitForEnd = async (
  deps: Deps,
  taskId: TaskId,
  withinMs: number,
  signal: AbortSignal,
): Promise<TaskWithProgress | undefined> => {
  const found = await findTaskWithProgress(deps, taskId)
  if (found === undefined || isEnded(found.task) || withinMs <= 0) return found
  await deps.ends.wait(taskId, withinMs, signal)
  return findTaskWithProgress(deps, taskId)
}

/** Waits for tasks to end: one polling query every 250 ms serves all waiters of this process. */
export interface EndWatch {
  /**
   * Resolves when the task has ended, when `withinMs` have gone by or when `signal` aborts, and does not say which: the
   * caller reads the task again. A task without a head counts as ended.
   *
   * Throws StoreOverloadedError when 4,000 callers wait already. A store that is away is asked again until the time is over.
   */
  wait(taskId: TaskId, withinMs: number, signal: AbortSignal): Promise<void>
  /** Ends every wait. Resolves when the query under way has ended. */
  close(): Promise<void>
}

interface WatchDeps {
  readonly index: TaskIndex
  readonly timers: Timers
}

const pollEveryMs = 250
const waitersMax = 4_000
const idsPerQueryMax = 1_000

export const createEndWatch = ({ index, timers }: WatchDeps): EndWatch => {
  const waiters = new Map<TaskId, Set<() => void>>()
  const closing = new AbortController()
  let waiting = 0
  let polling: Promise<void> | undefined

  const pollOnce = async (taskIds: readonly TaskId[]): Promise<void> => {
    const heads = await index.findHeads(taskIds)
    for (const taskId of taskIds) {
      const status = heads.get(taskId)?.status
      if (status === 'PENDING' || status === 'PROCESSING') continue
      for (const resolve of waiters.get(taskId) ?? []) resolve()
    }
  }

  const poll = async (): Promise<void> => {
    while (waiting > 0 && !closing.signal.aborted) {
      await timers.sleep(pollEveryMs, closing.signal)
      const taskIds = [...waiters.keys()]
      for (let at = 0; at < taskIds.length && !closing.signal.aborted; at += idsPerQueryMax) {
        // A store that is away is asked again with the next poll.
        await pollOnce(taskIds.slice(at, at + idsPerQueryMax)).catch(() => {})
      }
    }
    polling = undefined
  }

  return {
    wait: async (taskId, withinMs, signal) => {
      if (waiting >= waitersMax) throw new StoreOverloadedError(`${waitersMax} callers wait for tasks to end already`)
      const over = Promise.withResolvers<void>()
      const resolve = (): void => over.resolve()
      const others = waiters.get(taskId) ?? new Set()
      waiters.set(taskId, others.add(resolve))
      waiting += 1
      polling ??= poll()
      const cancel = timers.after(withinMs, resolve)
      for (const each of [signal, closing.signal]) {
        if (each.aborted) resolve()
        each.addEventListener('abort', resolve)
      }
      await over.promise
      cancel()
      for (const each of [signal, closing.signal]) each.removeEventListener('abort', resolve)
      waiting -= 1
      others.delete(resolve)
      if (others.size === 0 && waiters.get(taskId) === others) waiters.delete(taskId)
    },
    close: async () => {
      closing.abort()
      await polling
    },
  }
}
