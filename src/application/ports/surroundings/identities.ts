import type { AppendId, Incarnation, TaskId } from '#domain/identifiers.ts'

/** Mints identities. */
export interface Identities {
  /** A version 7 UUID by the store's clock, higher than every one this process minted before. */
  mintTaskId(): TaskId
  mintAppendId(): AppendId
  mintIncarnation(): Incarnation
}

/** Answers a number in [0, 1), evenly distributed. */
export type Random = () => number
