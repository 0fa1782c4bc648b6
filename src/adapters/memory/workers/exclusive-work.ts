import { createPatience } from '#application/mechanisms/patience.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { ExclusiveWork } from '#application/ports/workers/exclusive-work.ts'
import type { MemoryDatabase } from '../database.ts'

interface Deps {
  readonly database: MemoryDatabase
  readonly clock: Clock
}

/** The turns of a memory database, as one process of the fleet takes them. */
export const createMemoryExclusiveWork = ({ database, clock }: Deps): ExclusiveWork => {
  const patience = createPatience(() => clock.monotonicMs())
  return {
    tryTurn: async (name, everyMs, pass) => {
      const last = database.exclusiveWork.get(name)
      const begunAtMs = clock.monotonicMs()
      if (last?.state === 'under way') return 'taken'
      if (last?.state === 'done' && last.holder !== patience) patience.sawOthers(name)
      if (last?.state === 'done' && begunAtMs - last.begunAtMs < everyMs) return 'not-due'
      if (patience.isWaiting(name, everyMs)) return 'not-due'
      const end = (state: 'under way' | 'done' | 'failed'): void =>
        void database.exclusiveWork.set(name, { begunAtMs, state, holder: patience })
      end('under way')
      try {
        await pass()
      } catch (error) {
        patience.ended(name, 'failed')
        end('failed')
        throw error
      }
      patience.ended(name, 'done')
      end('done')
      return 'done'
    },
  }
}
