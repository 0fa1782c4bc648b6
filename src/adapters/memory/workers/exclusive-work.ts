import type { ExclusiveWork } from '#application/ports/workers/exclusive-work.ts'
import type { MemoryDatabase } from '../database.ts'

/** The turns of a memory database. Work that throws has had its turn: the next one begins `everyMs` after it. */
export const createMemoryExclusiveWork = (database: MemoryDatabase): ExclusiveWork => ({
  tryTurn: async (name, everyMs, work) => {
    const last = database.exclusiveWork.get(name)
    const begunAt = database.now()
    if (last?.state === 'under-way') return 'taken'
    if (last !== undefined && begunAt - last.begunAt < everyMs) return 'not-due'
    database.exclusiveWork.set(name, { begunAt, state: 'under-way' })
    try {
      await work()
    } finally {
      database.exclusiveWork.set(name, { begunAt, state: 'over' })
    }
    return 'done'
  },
})
