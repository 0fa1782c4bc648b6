import type { ExclusiveWork } from '#application/ports/workers/exclusive-work.ts'
import type { MemoryDatabase } from '../database.ts'

/** The passes of a memory database. A pass that throws has begun all the same and is not due again before its time. */
export const createMemoryExclusiveWork = (database: MemoryDatabase): ExclusiveWork => ({
  tryTurn: async (name, everyMs, pass) => {
    const last = database.exclusiveWork.get(name)
    const begunAt = database.now()
    if (last?.state === 'under-way') return 'taken'
    if (last !== undefined && begunAt - last.begunAt < everyMs) return 'not-due'
    database.exclusiveWork.set(name, { begunAt, state: 'under-way' })
    try {
      await pass()
    } finally {
      database.exclusiveWork.set(name, { begunAt, state: 'over' })
    }
    return 'done'
  },
})
