import type { Incarnation } from '#domain/identifiers.ts'

/**
 * The right of one incarnation to record anything, for as long as its worker may still be taken for alive.
 *
 * It is asked right before every append and before every handler: a process that was stopped and goes on has not run any
 * timer yet, but its clock has gone on.
 */
export interface Lease {
  readonly incarnation: Incarnation
  /** Judged by the clock at the moment of asking. Once false, false for ever. */
  isHeld(): boolean
  /** Aborts when the lease is over. */
  readonly signal: AbortSignal
}
