import type { RunIndex } from '#application/ports/heads/run-index.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { Runner } from '../run/runner.ts'
import type { WorkerLease } from './worker-lease.ts'

/** Finds the runs here of which cancellation was requested. */
export interface CancelWatch {
  /** Asks the store, unless nothing runs here. Throws StoreUnavailableError. */
  look(): Promise<void>
  /** Looks at once whenever a signal names a task that runs here, until the returned function is called. */
  listen(): () => void
}

interface Deps {
  readonly runs: RunIndex
  readonly signals: Signals
  readonly runner: Runner
  readonly lease: () => WorkerLease | undefined
}

/**
 * A signal names a task, not a run, and may come late: a task that was cancelled, opened again and started again must not
 * be aborted by it. So it is never obeyed, only taken as a reason to ask the store, which knows the run.
 */
export const createCancelWatch = ({ runs, signals, runner, lease }: Deps): CancelWatch => {
  let state: 'idle' | 'looking' | 'looking-and-called' = 'idle'

  const look = async (): Promise<void> => {
    const incarnation = lease()?.incarnation
    if (incarnation === undefined || runner.unrecordedCount() === 0) return
    runner.cancel(await runs.listCancelling(incarnation))
  }

  const lookAtOnce = async (): Promise<void> => {
    if (state !== 'idle') {
      state = 'looking-and-called'
      return
    }
    do {
      state = 'looking'
      // Whatever keeps the store from answering: the next beat's look comes anyway.
      await look().catch(() => {})
    } while (isCalled())
    state = 'idle'
  }

  const isCalled = (): boolean => state === 'looking-and-called'

  return {
    look,
    listen: () =>
      signals.subscribe((signal) => {
        if (signal.kind !== 'cancel-requested') return
        if (signal.taskIds.some((taskId) => runner.isRunning(taskId))) void lookAtOnce()
      }),
  }
}
