import type { Passes } from '#application/ports/exclusive-work.ts'
import type { MemoryDatabase } from '../database.ts'

/** The passes of a memory database. A pass that throws has begun all the same and is not due again before its time. */
export const createMemoryPasses = (database: MemoryDatabase): Passes => ({
  tryPass: async (name, everyMs, pass) => {
    const last = database.passes.get(name)
    const begunAt = database.now()
    if (last?.state === 'under-way') return 'taken'
    if (last !== undefined && begunAt - last.begunAt < everyMs) return 'not-due'
    database.passes.set(name, { begunAt, state: 'under-way' })
    try {
      await pass()
    } finally {
      database.passes.set(name, { begunAt, state: 'over' })
    }
    return 'done'
  },
})
