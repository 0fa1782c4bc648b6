import type { TaskId } from '#domain/identifiers.ts'

/** News between processes, as fast as it travels and without any promise: what must not be missed is also polled. */
export interface Signals {
  /** Tells every process, this one included. Never throws for a store that is away: a signal may be lost. */
  announce(signal: Signal): Promise<void>

  /** Calls `listener` for every signal until the returned function is called. */
  subscribe(listener: (signal: Signal) => void): () => void
}

export type Signal =
  /** Cancellation was requested of running tasks. At most 1000 ids. */
  | { readonly kind: 'cancel-requested'; readonly taskIds: readonly TaskId[] }
  /** A queue or a task type was met for the first time. */
  | { readonly kind: 'route-learned' }
