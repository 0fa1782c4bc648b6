import type { ClaimVerdict, EffectClaim, IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { MemoryDatabase, StoredEffect } from '../database.ts'
import { createMemoryEffectRecords } from './effect-records.ts'
import { toKey } from './effect-keys.ts'
import { createEffectTable, isSameRun } from './effect-table.ts'
import { createMemoryTransact, type MemoryTransactions, noTransactions } from './effect-transactions.ts'

/** The ledger of a memory database. Effects in mode `tx` act on `transactions`, and are refused without them. */
export const createMemoryIdempotencyLedger = (
  database: MemoryDatabase,
  transactions: MemoryTransactions = noTransactions,
): IdempotencyLedger => {
  const table = createEffectTable(database)
  const records = createMemoryEffectRecords(database)

  return {
    claim: async (claim) => {
      const { taskId, name } = claim
      if (!table.isInForce(taskId, claim)) return { kind: 'fenced' }
      const { verdict, effect } = judgeClaim(claim, table.find(taskId, name), database)
      if (effect !== undefined) table.put(taskId, effect)
      return verdict
    },

    complete: async (completion) => {
      const { taskId, result } = completion
      const found = table.findHeld(completion)
      if (found === undefined) return 'fenced'
      if (found.state !== 'completed') {
        table.put(taskId, { ...found, state: 'completed', result, completedAt: database.now() })
      }
      return 'completed'
    },

    giveBack: async (held) => {
      const found = table.findHeld(held)
      if (found === undefined || (found.state !== 'claimed' && found.state !== 'not-done')) return 'fenced'
      table.put(held.taskId, { ...found, state: 'not-done' })
      return 'given-back'
    },

    doubt: async (held) => {
      const found = table.findHeld(held)
      if (found?.state === 'completed') return 'completed'
      if (found === undefined || found.state === 'not-done') return 'fenced'
      table.put(held.taskId, { ...found, state: 'in-doubt' })
      return 'in-doubt'
    },

    transact: createMemoryTransact(database, transactions),

    list: (taskId) => records.list(taskId),
    settle: (settlement) => records.settle(settlement),
    countInDoubt: (limit) => records.countInDoubt(limit),
  }
}

interface JudgedClaim {
  readonly verdict: ClaimVerdict
  /** To be stored. */
  readonly effect?: StoredEffect
}

/** The claim of a run in force: see migrations/functions/claim_effect.sql. */
const judgeClaim = (
  claim: EffectClaim,
  found: StoredEffect | undefined,
  { now }: Pick<MemoryDatabase, 'now'>,
): JudgedClaim => {
  const { taskId, name, mode, run, attempt, input } = claim
  const key = toKey(taskId, name)
  const claimed = { name, mode, state: 'claimed', run, claim: claim.claim, attempt, input } as const
  const unsettled = { result: undefined, completedAt: undefined, settled: found?.settled } as const
  const startedAt = found?.startedAt ?? now()
  const toClaimed = (since: StoredEffect['since']): JudgedClaim => ({
    verdict: { kind: 'claimed', key, since },
    effect: { ...claimed, ...unsettled, startedAt, since },
  })
  if (found === undefined) return toClaimed('new')
  if (found.run > run) return { verdict: { kind: 'fenced' } }
  if (found.mode !== mode || found.input !== input) return { verdict: { kind: 'changed' } }
  if (found.result !== undefined) return { verdict: { kind: 'completed', result: found.result } }
  if (found.state === 'claimed' && isSameRun(found, claim)) {
    return { verdict: { kind: 'claimed', key, since: found.since } }
  }
  if (found.state === 'not-done') return toClaimed('new')
  return claim.unfinished === 'doubt'
    ? { verdict: { kind: 'in-doubt' }, effect: { ...found, state: 'in-doubt' } }
    : toClaimed('taken-over')
}
