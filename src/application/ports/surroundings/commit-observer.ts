import type { Append } from '../events/event-store.ts'

export interface CommitMember {
  readonly append: Append
}

/** Observes each transaction in which a store commits appends together, for traces and metrics. */
export interface CommitObserver {
  /** Calls `send`, which commits `members`, and answers or rejects as it does. */
  commit<Answer>(members: readonly CommitMember[], send: () => Promise<Answer>): Promise<Answer>
}
