import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { EffectQuery } from '#application/ports/ledger/handler-effects.ts'
import type {
  RunLedger,
  TransactedWork,
  TransactionClaim,
  TransactVerdict,
} from '#application/ports/ledger/idempotency-ledger.ts'
import type { MemoryDatabase } from '../database.ts'
import { createEffectTable } from './effect-table.ts'
import { toKey } from './effect-keys.ts'

/** What effects in mode `tx` act on: a memory database has no SQL of its own. */
export interface MemoryTransactions {
  begin(): MemoryTransaction
}

/** Nobody sees what its statements did before it commits. */
export interface MemoryTransaction {
  readonly query: EffectQuery
  /** At once and as a whole. Throws EffectQueryError, and rolls back then, when a statement had failed. */
  commit(): void
  rollback(): void
}

/** Refuses every effect in mode `tx`. */
export const noTransactions: MemoryTransactions = {
  begin: () => {
    throw new Error('there is no database for effects in mode tx: this ledger is in memory and was given none')
  },
}

export const createMemoryTransact = (
  database: MemoryDatabase,
  transactions: MemoryTransactions,
): RunLedger['transact'] => {
  const table = createEffectTable(database)
  /** By task and name. */
  const open = new Set<string>()

  const judge = ({ taskId, name, run, claim, input }: TransactionClaim): TransactVerdict | undefined => {
    if (!table.isInForce(taskId, { run, claim })) return { kind: 'fenced' }
    const found = table.find(taskId, name)
    if (found === undefined) return undefined
    if (found.mode !== 'tx' || found.input !== input || found.result === undefined) return { kind: 'changed' }
    return { kind: 'completed', result: found.result }
  }

  const perform = async (asked: TransactionClaim, work: TransactedWork): Promise<TransactVerdict> => {
    const { taskId, name, run, claim, attempt, input, signal } = asked
    const startedAt = database.now()
    signal.throwIfAborted()
    const transaction = transactions.begin()
    try {
      const result = await untilAborted(signal, work({ key: toKey(taskId, name), query: transaction.query }))
      if (!table.isInForce(taskId, asked)) {
        transaction.rollback()
        return { kind: 'fenced' }
      }
      transaction.commit()
      const begun = {
        name,
        mode: 'tx',
        run,
        claim,
        attempt,
        input,
        startedAt,
        since: 'new',
        settled: undefined,
      } as const
      table.put(taskId, { ...begun, state: 'completed', result, completedAt: database.now() })
      return { kind: 'completed', result }
    } catch (error) {
      transaction.rollback()
      throw error
    }
  }

  return async (asked, work) => {
    const verdict = judge(asked)
    if (verdict !== undefined) return verdict
    const key = toKey(asked.taskId, asked.name)
    if (open.has(key)) throw new StoreUnavailableError('another transaction is at this effect', 'not-stored')
    open.add(key)
    try {
      return await perform(asked, work)
    } finally {
      open.delete(key)
    }
  }
}

const untilAborted = async <Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> => {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  // What the work does later is nobody's.
  work.catch(() => {})
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
