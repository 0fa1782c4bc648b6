import type { Count, CountName } from '#application/ports/counts.ts'

/** What was counted in this process since it began. */
export interface ProcessCounts {
  readonly count: Count
  /** Only what happened at all. */
  readAll(): Readonly<Record<string, number>>
}

export const createProcessCounts = (): ProcessCounts => {
  const totals = new Map<CountName, number>()
  return {
    count: (name, by = 1) => {
      totals.set(name, (totals.get(name) ?? 0) + by)
    },
    readAll: () => Object.fromEntries(totals),
  }
}
