import type { JsonText } from '#domain/task/events.ts'
import { EffectChangedError, type EffectQuery, type TransactionWork } from '../ports/ledger/handler-effects.ts'
import type { TransactedWork, TransactionClaim } from '../ports/ledger/idempotency-ledger.ts'
import { AbortReason } from '../ports/task-handler.ts'
import { toResultText } from './effect-result.ts'
import { askWhileRunning, type EffectiveRun, type RunEffectsDeps } from './effective-run.ts'
import { findRefusedStatement } from './refused-statements.ts'

/** One use of an effect in mode `tx`, parsed. */
export interface TransactionUse {
  readonly name: string
  readonly mode: 'tx'
  readonly input: JsonText | undefined
}

/**
 * Performs an effect in a transaction, unless it has happened; answers its result. When a commit was not answered the whole
 * transaction is tried again: the row of the effect decides, so that the work may run again and counts once.
 */
export const performTransacted = async (
  deps: RunEffectsDeps,
  run: EffectiveRun,
  { name, input }: TransactionUse,
  work: TransactionWork<unknown>,
): Promise<JsonText> => {
  const { taskId, claim, attempt, signal } = run
  const asked: TransactionClaim = { taskId, name, run: run.run, claim, attempt, input, signal }
  const transacted: TransactedWork = async ({ key, query }) => {
    const statements = guardStatements(name, query)
    try {
      return toResultText(name, await work({ key, signal, query: statements.query }))
    } finally {
      statements.end()
    }
  }
  const verdict = await askWhileRunning(deps, signal, () => deps.ledger.transact(asked, transacted))
  switch (verdict.kind) {
    case 'fenced':
      throw new AbortReason('fenced')
    case 'changed':
      throw new EffectChangedError(`effect ${name} was begun before with another input or in another mode`)
    case 'completed':
      return verdict.result
  }
}

/** Refuses what would end the transaction, and what comes after its work. */
const guardStatements = (name: string, query: EffectQuery) => {
  let state: 'open' | 'ended' = 'open'
  const guarded: EffectQuery = async (text, values = []) => {
    if (state === 'ended') throw new TypeError(`effect ${name}: its work has ended, and its transaction with it`)
    if (typeof text !== 'string' || !Array.isArray(values)) {
      throw new TypeError(`effect ${name}: query takes the text of a statement, and a list of values`)
    }
    const refused = findRefusedStatement(text)
    if (refused !== undefined) {
      throw new TypeError(`effect ${name}: ${refused} is not for its work: the ledger begins and ends the transaction`)
    }
    return query(text, values)
  }
  return {
    query: guarded,
    end: () => {
      state = 'ended'
    },
  }
}
