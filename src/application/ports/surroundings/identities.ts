import type { AppendId, Incarnation, TaskId } from '#domain/identifiers.ts'

/** Mints identities. */
export interface Identities {
  /** A version 7 UUID by the store's clock, higher than every one this process minted before. */
  mintTaskId(): TaskId
  mintAppendId(): AppendId
  mintIncarnation(): Incarnation
}

/** Evenly spread over [0, 1). */
export type Random = () => number
