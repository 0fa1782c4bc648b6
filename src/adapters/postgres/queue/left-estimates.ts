import type { TakenHints } from './statements.ts'

/** Knows about how many hints are left in sets of routes, without a count at each pull. */
export interface LeftEstimates {
  /** How far to count with the next pull of these routes; 0: not at all. */
  countMax(routes: readonly number[]): number
  /** The estimate after a pull. */
  update(routes: readonly number[], taken: TakenHints): number
}

const countMax = 10_000
/** Below it a count costs little, and what it says matters. */
const fewMax = 1_000
/** A count of ten thousand costs some milliseconds, a pull a tenth of one. */
const recountMs = 200
const estimatesMax = 1_000

export const createLeftEstimates = (): LeftEstimates => {
  const estimates = new Map<string, { readonly left: number; readonly countedAtMs: number }>()
  const keyOf = (routes: readonly number[]): string => routes.join()
  return {
    countMax: (routes) => {
      const known = estimates.get(keyOf(routes))
      const fresh = known !== undefined && performance.now() - known.countedAtMs < recountMs
      return fresh && known.left > fewMax ? 0 : countMax
    },
    update: (routes, taken) => {
      const key = keyOf(routes)
      const known = estimates.get(key)
      const left = taken.left ?? Math.max(0, (known?.left ?? 0) - taken.taskIds.length)
      if (taken.left === undefined && taken.taskIds.length === 0) {
        // The others were quicker than the estimate: count at the next pull.
        estimates.delete(key)
        return left
      }
      if (estimates.size >= estimatesMax) estimates.clear()
      const countedAtMs = taken.left === undefined ? (known?.countedAtMs ?? 0) : performance.now()
      estimates.set(key, { left, countedAtMs })
      return left
    },
  }
}
