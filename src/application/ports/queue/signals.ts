import type { TaskId } from '#domain/identifiers.ts'

/** Signals between processes, sent at once and without a promise of arrival: whoever must not miss one polls as well. */
export interface Signals {
  /** Sends a signal to every process, this one included. Does not throw while the store is away: the signal is lost. */
  announce(signal: Signal): Promise<void>

  /** Calls `listener` for every signal until the returned function is called. */
  subscribe(listener: (signal: Signal) => void): () => void
}

/** Cancellation was requested of running tasks. At most 1000 ids. */
export interface Signal {
  readonly kind: 'cancel-requested'
  readonly taskIds: readonly TaskId[]
}
