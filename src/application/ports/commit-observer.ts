import type { Append } from './event-store.ts'

/** Sees each transaction in which a store commits appends together: where its span and its durations come from. */
export interface CommitObserver {
  /** Calls `send` and answers as it does; `appends` are what travels. */
  commit<Answer>(appends: readonly Append[], send: () => Promise<Answer>): Promise<Answer>
}
