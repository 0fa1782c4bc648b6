/** Up to where the pulls of one process have read, so that they need not walk over what they have left dead behind them. */
export interface QueueFloor {
  /** The rank at which the next pull of these routes begins; undefined: at the lowest. */
  from(routes: readonly number[]): number | undefined
  /** A pull of these routes took its hints up to this rank: everything below is taken, as far as it saw. */
  taken(routes: readonly number[], highest: number | undefined): void
  /** Hints of this process, which may lie below. */
  pushed(ranks: readonly number[]): void
}

/**
 * How long a hint that another process pushes below may be passed over while there are enough above: it is less urgent than
 * it looks, because a worker takes its hints ahead of its slots.
 */
export const lookAtAllEveryMs = 100

export const createQueueFloor = (everyMs: number, monotonicMs: () => number): QueueFloor => {
  let known: { readonly key: string; readonly rank: number } | undefined
  let lookedAtAllAtMs = Number.NEGATIVE_INFINITY

  return {
    from: (routes) => {
      const nowMs = monotonicMs()
      if (known?.key === routes.join() && nowMs - lookedAtAllAtMs < everyMs) return known.rank
      lookedAtAllAtMs = nowMs
      return undefined
    },
    taken: (routes, highest) => {
      if (highest !== undefined) known = { key: routes.join(), rank: highest }
    },
    pushed: (ranks) => {
      for (const rank of ranks) if (known !== undefined && rank < known.rank) known = { ...known, rank }
    },
  }
}
