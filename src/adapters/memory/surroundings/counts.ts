import type { Count, CountName } from '#application/ports/surroundings/counts.ts'

/** Counts that a test can read. */
export interface MemoryCounts {
  readonly count: Count
  /** How often `name` was counted; zero if never. */
  total(name: CountName): number
}

export const createMemoryCounts = (): MemoryCounts => {
  const totals = new Map<CountName, number>()
  const total = (name: CountName): number => totals.get(name) ?? 0
  return {
    total,
    count: (name, by = 1) => {
      totals.set(name, total(name) + by)
    },
  }
}
