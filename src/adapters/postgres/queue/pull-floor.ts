/** Up to where the pulls of one process have read, so that they need not walk over what they have left dead behind them. */
export interface QueueFloor {
  /** Begins a pull of these routes. */
  begin(routes: readonly number[]): FlooredPull
  /** Hints were committed, the lowest of them at this rank; undefined: at any. */
  heard(lowest: number | undefined): void
}

export interface FlooredPull {
  /** The rank at which it begins; undefined: at the lowest. */
  readonly from: number | undefined
  /** It took its hints up to this rank, undefined when it found none: everything below is taken, as far as it saw. */
  taken(highest: number | undefined): void
}

/**
 * How long a hint may be passed over that was pushed below and of which nobody heard: its notification was lost, or whoever
 * was taking it was rolled back.
 */
export const lookAtAllEveryMs = 1_000

export const createQueueFloor = (everyMs: number, monotonicMs: () => number): QueueFloor => {
  /** At minus infinity nothing is known. */
  let known: { readonly key: string; readonly rank: number } | undefined
  let lookedAtAllAtMs = Number.NEGATIVE_INFINITY
  /** How low the news were that came during each pull under way: it may have read past them. */
  const underWay = new Set<{ lowest: number }>()

  return {
    begin: (routes) => {
      const key = routes.join()
      const nowMs = monotonicMs()
      const isFresh = nowMs - lookedAtAllAtMs < everyMs
      const from = isFresh && known?.key === key && Number.isFinite(known.rank) ? known.rank : undefined
      if (from === undefined) lookedAtAllAtMs = nowMs
      const pull = { lowest: Number.POSITIVE_INFINITY }
      underWay.add(pull)
      return {
        from,
        taken: (highest) => {
          underWay.delete(pull)
          if (highest !== undefined) known = { key, rank: Math.min(highest, pull.lowest) }
        },
      }
    },
    heard: (lowest = Number.NEGATIVE_INFINITY) => {
      for (const pull of underWay) pull.lowest = Math.min(pull.lowest, lowest)
      if (known !== undefined && lowest < known.rank) known = { ...known, rank: lowest }
    },
  }
}
