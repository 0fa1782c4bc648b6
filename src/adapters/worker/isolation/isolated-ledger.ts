import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { type EffectQuery, EffectQueryError } from '#application/ports/ledger/handler-effects.ts'
import type { HeldEffect } from '#application/ports/ledger/idempotency-ledger.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { IsolatedRequest } from './isolation.ts'
import type { LedgerReply, LedgerRequest, ToIsolated, TransactedStatement } from './isolation-messages.ts'

/** The worker's end of a ledger that is asked from the process of an isolated run. */
export interface IsolatedLedger {
  /** Replies when there is an answer. */
  take(call: number, request: LedgerRequest): void
  /** The run is over, or its process is: rolls back what is open. */
  close(): void
}

/** A transaction whose work is done in the other process, while its connection is here and ends with it. */
interface OpenTransaction {
  readonly query: EffectQuery
  readonly work: PromiseWithResolvers<JsonText>
}

type Question = Exclude<LedgerRequest, { readonly kind: 'returned' | 'threw' }>

export const createIsolatedLedger = (
  { task, context, ledger }: Pick<IsolatedRequest, 'task' | 'context' | 'ledger'>,
  tell: (message: ToIsolated) => void,
): IsolatedLedger => {
  const { taskId, run, claim, facts } = task
  const { attempt } = facts
  const end = new AbortController()
  const signal = AbortSignal.any([context.signal, end.signal])
  const open = new Map<number, OpenTransaction>()

  const transact = async (call: number, { name, input }: Question & { readonly kind: 'transact' }) => {
    const asked = { taskId, name, run, claim, attempt, input, signal }
    try {
      const verdict = await ledger.transact(asked, ({ key, query }) => {
        const work = Promise.withResolvers<JsonText>()
        open.set(call, { query, work })
        tell({ kind: 'transaction-open', call, key })
        return work.promise
      })
      return { kind: 'transact', verdict } as const
    } finally {
      open.delete(call)
    }
  }

  const query = async ({ transaction, text, values }: TransactedStatement): Promise<LedgerReply> => {
    const found = open.get(transaction)
    if (found === undefined) return { kind: 'failed', code: 'other', message: 'the transaction has ended' }
    return { kind: 'query', answer: await found.query(text, values) }
  }

  const ask = async (call: number, request: Question): Promise<LedgerReply> => {
    if (request.kind === 'query') return query(request)
    if (request.kind === 'transact') return transact(call, request)
    const held: HeldEffect = { taskId, name: request.name, run, claim }
    switch (request.kind) {
      case 'claim': {
        const { mode, input, unfinished } = request
        return { kind: 'claim', verdict: await ledger.claim({ ...held, mode, attempt, input, unfinished }) }
      }
      case 'complete':
        return { kind: 'complete', verdict: await ledger.complete({ ...held, result: request.result }) }
      case 'give-back':
        return { kind: 'give-back', verdict: await ledger.giveBack(held) }
      case 'doubt':
        return { kind: 'doubt', verdict: await ledger.doubt(held) }
    }
  }

  return {
    take: (call, request) => {
      if (request.kind === 'returned') return open.get(request.transaction)?.work.resolve(request.result)
      if (request.kind === 'threw') return open.get(request.transaction)?.work.reject(workThrew)
      void ask(call, request)
        .catch((error: unknown) => toFailure(error, signal))
        .then((reply) => tell({ kind: 'ledger-reply', call, reply }))
    },
    close: () => end.abort(new Error('the run is over')),
  }
}

/** What it threw stays in its own process. */
const workThrew = new Error('the work of the transaction threw')

const toFailure = (error: unknown, signal: AbortSignal): LedgerReply => {
  if (error instanceof EffectQueryError) {
    const { message, code, detail, constraint } = error
    return { kind: 'refused', message, code, detail, constraint }
  }
  const message = error instanceof Error ? error.message : 'the ledger failed'
  if (error instanceof StoreUnavailableError) return { kind: 'failed', code: 'store-unavailable', message }
  return { kind: 'failed', code: error === workThrew || signal.aborted ? 'work' : 'other', message }
}
