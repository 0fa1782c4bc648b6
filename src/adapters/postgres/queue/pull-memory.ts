/**
 * The lowest rank that the pulls of one process need to read from. Taken hints stay in the index as dead rows until they are
 * vacuumed, and a pull that began at the lowest rank would read all of them again.
 */
export interface LowestRank {
  /** Begins a pull of these routes. */
  beginPull(routes: readonly number[]): RankedPull
  /** Hints were committed, the lowest of them at this rank; minus infinity: of unknown ranks. */
  onPushed(lowestRank: number): void
}

export interface RankedPull {
  /** The rank to read from; undefined: from the lowest there is. */
  readonly fromRank: number | undefined
  /** The pull took its hints up to this rank, and as far as it saw, all below; undefined when it took none or failed. */
  end(highestRank: number | undefined): void
}

/**
 * How long pulls may pass over a lower hint that this process was not told of: its notification was lost, or a pull had
 * locked it and was rolled back.
 */
export const readAllEveryMsDefault = 1_000

export const createLowestRank = (readAllEveryMs: number, monotonicMs: () => number): LowestRank => {
  /** The rank is minus infinity after a push of unknown ranks. */
  let known: { readonly key: string; readonly rank: number } | undefined
  let readAllAtMs = Number.NEGATIVE_INFINITY
  /** The lowest rank pushed during each pull under way: that pull may have read past it. */
  const underWay = new Set<{ lowestRank: number }>()

  return {
    beginPull: (routes) => {
      const key = routes.join()
      const nowMs = monotonicMs()
      const isFresh = nowMs - readAllAtMs < readAllEveryMs
      const fromRank = isFresh && known?.key === key && Number.isFinite(known.rank) ? known.rank : undefined
      if (fromRank === undefined) readAllAtMs = nowMs
      const pull = { lowestRank: Number.POSITIVE_INFINITY }
      underWay.add(pull)
      return {
        fromRank,
        end: (highestRank) => {
          underWay.delete(pull)
          if (highestRank !== undefined) known = { key, rank: Math.min(highestRank, pull.lowestRank) }
        },
      }
    },
    onPushed: (lowestRank) => {
      for (const pull of underWay) pull.lowestRank = Math.min(pull.lowestRank, lowestRank)
      if (known !== undefined && lowestRank < known.rank) known = { key: known.key, rank: lowestRank }
    },
  }
}

/** About how many hints are left in each set of routes that is pulled from, without a count at each pull. */
export interface LeftEstimates {
  /** How far the next pull of these routes is to count; 0: not at all. */
  countMax(routes: readonly number[]): number
  /** The estimate after a pull that took `taken` ids; `counted` is undefined when it did not count. */
  update(routes: readonly number[], taken: number, counted: number | undefined): number
}

const countMax = 10_000
/** With fewer left a count costs little, and the exact number matters: the reconciler refills a queue that runs dry. */
const fewMax = 1_000
/** A count of ten thousand costs some milliseconds, a pull a tenth of one. */
const recountMs = 200
/** Sets of routes. */
const estimatesMax = 1_000

export const createLeftEstimates = (monotonicMs: () => number): LeftEstimates => {
  const estimates = new Map<string, { readonly left: number; readonly countedAtMs: number }>()
  const keyOf = (routes: readonly number[]): string => routes.join()
  return {
    countMax: (routes) => {
      const known = estimates.get(keyOf(routes))
      const isFresh = known !== undefined && monotonicMs() - known.countedAtMs < recountMs
      return isFresh && known.left > fewMax ? 0 : countMax
    },
    update: (routes, taken, counted) => {
      const key = keyOf(routes)
      const known = estimates.get(key)
      const left = counted ?? Math.max(0, (known?.left ?? 0) - taken)
      if (counted === undefined && taken === 0) {
        // Other processes took what the estimate still counts: the next pull counts anew.
        estimates.delete(key)
        return left
      }
      if (estimates.size >= estimatesMax) estimates.clear()
      const countedAtMs = counted === undefined ? (known?.countedAtMs ?? 0) : monotonicMs()
      estimates.set(key, { left, countedAtMs })
      return left
    },
  }
}
