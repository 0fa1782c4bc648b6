import type { SubmitKeys } from '#application/ports/events/submit-keys.ts'
import type { MemoryDatabase } from '../database.ts'

/** The submit keys of a memory database. */
export const createMemorySubmitKeys = (database: MemoryDatabase): SubmitKeys => ({
  purge: async (takenBefore, countMax) => {
    const old = [...database.submitKeys]
      .filter(([, { createdAt }]) => createdAt < takenBefore)
      .toSorted(([, a], [, b]) => a.createdAt - b.createdAt)
      .slice(0, countMax)
    for (const [key] of old) database.submitKeys.delete(key)
    return old.length
  },
})
