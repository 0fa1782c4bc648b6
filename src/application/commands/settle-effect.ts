import type { TaskIndex } from '../ports/heads/task-index.ts'
import {
  type Effect,
  effectNamePattern,
  type EffectRecords,
  type Settlement,
} from '../ports/ledger/idempotency-ledger.ts'

interface Deps {
  readonly index: Pick<TaskIndex, 'findHeads'>
  readonly ledger: Pick<EffectRecords, 'settle'>
}

export type SettleOutcome =
  | { readonly kind: 'settled' | 'not-in-doubt'; readonly effect: Effect }
  | { readonly kind: 'effect-not-found' | 'task-not-found' }

/**
 * Records what a person found out about an effect in doubt. The task stays as it is, and no event is written: a person retries
 * it afterwards. Throws StoreUnavailableError: it may have been recorded all the same, and asking again tells.
 */
export const settleEffect = async ({ index, ledger }: Deps, settlement: Settlement): Promise<SettleOutcome> => {
  // No effect has another name, and a database may not take it.
  if (effectNamePattern.test(settlement.name)) {
    const verdict = await ledger.settle(settlement)
    if (verdict.kind !== 'not-found') return verdict
  }
  const heads = await index.findHeads([settlement.taskId])
  return { kind: heads.has(settlement.taskId) ? 'effect-not-found' : 'task-not-found' }
}
