import type { RunIndex } from '#application/ports/heads/run-index.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { Runner } from '../run/runner.ts'
import type { Slots } from '../slots.ts'

/** Finds the runs of this worker whose cancellation was requested. */
export interface CancelWatch {
  /** Asks the store, unless every outcome is recorded. Throws StoreUnavailableError. */
  poll(): Promise<void>
  /** Polls at once whenever a signal names a task that is taken here, until the returned function is called. */
  listen(): () => void
}

interface Deps {
  readonly runs: RunIndex
  readonly signals: Signals
  readonly slots: Slots
  readonly runner: Runner
}

/**
 * A signal names a task, not a run, and may come late: it must not abort a task that was cancelled, reopened and started
 * again. So a signal only makes the watch ask the store sooner; the store knows which run the request is for.
 */
export const createCancelWatch = ({ runs, signals, slots, runner }: Deps): CancelWatch => {
  let state: 'idle' | 'polling' | 'polling-and-signalled' = 'idle'

  const poll = async (): Promise<void> => {
    const lease = slots.lease()
    if (lease === undefined || slots.counts().unrecorded === 0) return
    runner.cancel(await runs.listCancelling(lease.incarnation))
  }

  const pollAtOnce = async (): Promise<void> => {
    if (state !== 'idle') {
      state = 'polling-and-signalled'
      return
    }
    do {
      state = 'polling'
      // A store that does not answer is asked again with the next beat.
      await poll().catch(() => {})
    } while (isSignalled())
    state = 'idle'
  }

  const isSignalled = (): boolean => state === 'polling-and-signalled'

  return {
    poll,
    listen: () =>
      signals.subscribe((signal) => {
        if (signal.kind !== 'cancel-requested') return
        if (signal.taskIds.some((taskId) => slots.isTaken(taskId))) void pollAtOnce()
      }),
  }
}
