import type { DatabasePool } from 'slonik'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import type { SessionKind } from '../connection/session-kind.ts'
import { createEffectTransactions } from './effect-transactions.ts'
import { createEffectKeys } from './effect-keys.ts'
import { createPostgresEffectRecords } from './effect-records.ts'
import { claimStatement, completeStatement, doubtStatement, giveBackStatement, toVerdict } from './effect-statements.ts'

export interface PostgresIdempotencyLedger extends IdempotencyLedger {
  /** Rolls back the transactions of effects that are still open, and ends their connections. */
  close(): Promise<void>
}

interface Deps {
  readonly pool: DatabasePool
  /** For effects in mode `tx`, which have connections of their own. */
  readonly address: DatabaseAddress
  readonly sessions?: SessionKind
}

/** The ledger in `taskfold.effects`. What it answers is on disk (durably.sql): otherwise an effect would be done again after a crash. */
export const createPostgresIdempotencyLedger = ({
  pool,
  address,
  sessions = 'own',
}: Deps): PostgresIdempotencyLedger => {
  const keys = createEffectKeys({ pool })
  const transactions = createEffectTransactions({ address, sessions, keys })
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

    transact: (claim, work) => transactions.transact(claim, work),
    close: () => transactions.close(),

    list: (taskId) => records.list(taskId),
    settle: (settlement) => records.settle(settlement),
    countInDoubt: (limit) => records.countInDoubt(limit),
  }
}
