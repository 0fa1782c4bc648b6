import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { EffectQueryError } from '#application/ports/ledger/handler-effects.ts'
import type { EffectTransaction, RunLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { Tell } from './isolated-ports.ts'
import type { LedgerReply, LedgerRequest } from './isolation-messages.ts'

/** The ledger of the worker, asked from the process of an isolated run. The transactions of effects live in the worker. */
export interface RemoteLedger extends RunLedger {
  /** Call it with each reply of the worker. */
  onReply(call: number, reply: LedgerReply): void
  /** Call it when the worker has begun the transaction that a call asked for. */
  onTransactionOpen(call: number, key: string): void
}

export const createRemoteLedger = (tell: Tell): RemoteLedger => {
  const questions = createQuestions(tell)
  const { ask } = questions
  return {
    claim: async ({ name, mode, input, unfinished }) => {
      const reply = await ask({ kind: 'claim', name, mode, input, unfinished })
      return reply.kind === 'claim' ? reply.verdict : refuse(reply)
    },
    complete: async ({ name, result }) => {
      const reply = await ask({ kind: 'complete', name, result })
      return reply.kind === 'complete' ? reply.verdict : refuse(reply)
    },
    giveBack: async ({ name }) => {
      const reply = await ask({ kind: 'give-back', name })
      return reply.kind === 'give-back' ? reply.verdict : refuse(reply)
    },
    doubt: async ({ name }) => {
      const reply = await ask({ kind: 'doubt', name })
      return reply.kind === 'doubt' ? reply.verdict : refuse(reply)
    },
    transact: createRemoteTransact(questions),
    onTransactionOpen: questions.onOpen,
    onReply: questions.onReply,
  }
}

/** Calls to the worker that have no reply yet. */
interface Questions {
  /**
   * Without a deadline here: the worker's own bound how long it takes, and this process ends with its worker. `onOpen` is
   * called with the number of this call. Throws for a value that cannot be cloned, such as a function.
   */
  readonly ask: (request: LedgerRequest, onOpen?: (call: number, key: string) => void) => Promise<LedgerReply>
  /** Tells what has no reply. */
  readonly report: (request: LedgerRequest) => void
  readonly onOpen: (call: number, key: string) => void
  readonly onReply: (call: number, reply: LedgerReply) => void
}

interface Question {
  readonly answer: (reply: LedgerReply) => void
  readonly onOpen: ((call: number, key: string) => void) | undefined
}

const createQuestions = (tell: Tell): Questions => {
  const open = new Map<number, Question>()
  let calls = 0
  return {
    ask: (request, onOpen) =>
      new Promise((answer, reject) => {
        calls += 1
        const call = calls
        open.set(call, { answer, onOpen })
        tell({ kind: 'ledger-request', call, request }).catch((error: unknown) => {
          open.delete(call)
          reject(error)
        })
      }),
    report: (request) => {
      calls += 1
      void tell({ kind: 'ledger-request', call: calls, request })
    },
    onOpen: (call, key) => open.get(call)?.onOpen?.(call, key),
    onReply: (call, reply) => {
      open.get(call)?.answer(reply)
      open.delete(call)
    },
  }
}

const createRemoteTransact = ({ ask, report }: Questions): RunLedger['transact'] => {
  const createQuery =
    (transaction: number): EffectTransaction['query'] =>
    async (text, values = []) => {
      const reply = await ask({ kind: 'query', transaction, text, values })
      return reply.kind === 'query' ? reply.answer : refuse(reply)
    }

  return async ({ name, input, signal }, work) => {
    let rethrow = (message: string): never => {
      throw new Error(message)
    }
    const reply = await ask({ kind: 'transact', name, input }, (transaction, key) => {
      work({ key, query: createQuery(transaction) }).then(
        (result) => report({ kind: 'returned', transaction, result }),
        (error: unknown) => {
          rethrow = () => {
            throw error
          }
          report({ kind: 'threw', transaction })
        },
      )
    })
    if (reply.kind === 'transact') return reply.verdict
    if (reply.kind !== 'failed' || reply.code !== 'work') return refuse(reply)
    signal.throwIfAborted()
    return rethrow(reply.message)
  }
}

const refuse = (reply: LedgerReply): never => {
  if (reply.kind === 'refused') throw new EffectQueryError(reply.message, reply)
  if (reply.kind !== 'failed') throw new Error(`the ledger replied with a ${reply.kind} to another request`)
  if (reply.code === 'store-unavailable') throw new StoreUnavailableError(reply.message, 'unknown')
  throw new Error(reply.message)
}
