import type { Incarnation } from '#domain/identifiers.ts'

/**
 * The right of one incarnation to append, for as long as no sweeper can have declared its worker lost.
 *
 * It is asked right before every append and every handler: in a process that was stopped and goes on, no timer has fired
 * yet, but the monotonic clock has moved.
 */
export interface Lease {
  readonly incarnation: Incarnation
  /** Judged by the clock at the moment of asking. Once false, false for ever. */
  isHeld(): boolean
  /** Aborts when the lease is over. */
  readonly signal: AbortSignal
}
