/**
 * What the pulls of this process have seen of the queue's depth. The worker's hint source writes it after each pull; the
 * reconciler reads it while it refills the queue, and so learns within milliseconds that the queue runs low.
 */
export interface QueueDepth {
  /** A pull left about `left` ids in the routes that it asked for. */
  note(left: number): void
  /** Whether a pull has left fewer than `refillBelow` ids since the last `reset`. */
  isLow(): boolean
  reset(): void
}

/** Ids in a queue below which it is refilled. */
export const refillBelow = 5_000

export const createQueueDepth = (): QueueDepth => {
  let state: 'unknown' | 'low' = 'unknown'
  return {
    note: (left) => {
      if (left < refillBelow) state = 'low'
    },
    isLow: () => state === 'low',
    reset: () => {
      state = 'unknown'
    },
  }
}
