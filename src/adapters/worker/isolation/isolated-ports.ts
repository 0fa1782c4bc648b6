import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { RunLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { LogFields, Logger } from '#application/ports/surroundings/logger.ts'
import type { FromIsolated, LedgerReply, LedgerRequest, LogLevel } from './isolation-messages.ts'

/** Resolves when the message was handed over, or cannot be. */
export type Tell = (message: FromIsolated) => Promise<void>

/** The ledger of the worker, asked from the process of an isolated run. */
export interface RemoteLedger extends RunLedger {
  /** Call it with each reply of the worker. */
  onReply(call: number, reply: LedgerReply): void
}

export const createRemoteLedger = (tell: Tell): RemoteLedger => {
  const open = new Map<number, (reply: LedgerReply) => void>()
  let calls = 0

  /** Without a deadline here: the worker's own bound how long it takes, and this process ends with its worker. */
  const ask = (request: LedgerRequest): Promise<LedgerReply> =>
    new Promise((resolve) => {
      calls += 1
      open.set(calls, resolve)
      void tell({ kind: 'ledger-request', call: calls, request })
    })

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
    onReply: (call, reply) => {
      open.get(call)?.(reply)
      open.delete(call)
    },
  }
}

const refuse = (reply: LedgerReply): never => {
  if (reply.kind !== 'failed') throw new Error(`the ledger replied with a ${reply.kind} to another request`)
  if (reply.code === 'store-unavailable') throw new StoreUnavailableError(reply.message, 'unknown')
  throw new Error(reply.message)
}

/** The worker's logger, which adds the task and attempt itself. */
export const createRemoteLogger = (tell: Tell, more: LogFields = {}): Logger => {
  const at =
    (level: LogLevel) =>
    (fields: LogFields, message: string): void => {
      const line = { level, message } as const
      // A field that cannot be cloned, such as a function, cannot leave the process: the line goes without fields then.
      void tell({ kind: 'log', ...line, fields: { ...more, ...fields } }).catch(() =>
        tell({ kind: 'log', ...line, fields: {} }),
      )
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createRemoteLogger(tell, { ...more, ...fields }),
  }
}
