import type { Append } from '../events/event-store.ts'

export interface CommitMember {
  readonly append: Append
}

/** Sees each transaction in which a store commits appends together: where its span and its durations come from. */
export interface CommitObserver {
  /** Calls `send` and answers as it does; `members` are what travels. */
  commit<Answer>(members: readonly CommitMember[], send: () => Promise<Answer>): Promise<Answer>
}
