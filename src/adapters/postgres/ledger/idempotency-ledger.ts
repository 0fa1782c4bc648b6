import type { DatabasePool } from 'slonik'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import { createEffectKeys } from './effect-keys.ts'
import { createPostgresEffectRecords } from './effect-records.ts'
import { claimStatement, completeStatement, doubtStatement, giveBackStatement, toVerdict } from './effect-statements.ts'

/** The ledger in `taskfold.effects`. What it answers is on disk (durably.sql): otherwise an effect would be done again after a crash. */
export const createPostgresIdempotencyLedger = ({ pool }: { readonly pool: DatabasePool }): IdempotencyLedger => {
  const keys = createEffectKeys({ pool })
  const records = createPostgresEffectRecords({ pool })

  return {
    claim: async (claim) => {
      // First, so that no effect is claimed whose key cannot be answered.
      const key = await keys.find(claim.taskId, claim.name)
      return toVerdict(key, await withReadDeadline(pool.one(claimStatement(claim))))
    },

    complete: async (completion) => {
      const held = await withReadDeadline(pool.oneFirst(completeStatement(completion)))
      return held ? 'completed' : 'fenced'
    },

    giveBack: async (held) => {
      const state = await withReadDeadline(pool.maybeOneFirst(giveBackStatement(held)))
      return state === 'not-done' ? 'given-back' : 'fenced'
    },

    doubt: async (held) => {
      const state = await withReadDeadline(pool.maybeOneFirst(doubtStatement(held)))
      return state === 'in-doubt' || state === 'completed' ? state : 'fenced'
    },

    list: (taskId) => records.list(taskId),
    settle: (settlement) => records.settle(settlement),
    countInDoubt: (limit) => records.countInDoubt(limit),
  }
}
