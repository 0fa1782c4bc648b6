import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { LogFields, Logger } from '#application/ports/surroundings/logger.ts'
import type { Answer, FromIsolated, LogLevel, Question } from './isolation-messages.ts'

/** Resolves when the message was handed over, or cannot be. */
export type Tell = (message: FromIsolated) => Promise<void>

/** The ledger of the worker, asked from the process of an isolated run. */
export interface RemoteLedger extends Pick<IdempotencyLedger, 'claim' | 'complete'> {
  hear(call: number, answer: Answer): void
}

export const createRemoteLedger = (tell: Tell): RemoteLedger => {
  const open = new Map<number, (answer: Answer) => void>()
  let calls = 0

  /** The worker's own deadlines bound how long it takes; when the worker is gone, so is this process. */
  const ask = (question: Question): Promise<Answer> =>
    new Promise((resolve) => {
      calls += 1
      open.set(calls, resolve)
      void tell({ kind: 'asked', call: calls, question })
    })

  return {
    claim: async ({ name, mode, input }) => {
      const answer = await ask({ kind: 'claim', name, mode, input })
      return answer.kind === 'claim' ? answer.verdict : refuse(answer)
    },
    complete: async ({ name, result }) => {
      const answer = await ask({ kind: 'complete', name, result })
      return answer.kind === 'complete' ? answer.verdict : refuse(answer)
    },
    hear: (call, answer) => {
      open.get(call)?.(answer)
      open.delete(call)
    },
  }
}

const refuse = (answer: Answer): never => {
  if (answer.kind !== 'failed') throw new Error(`a question was answered with a ${answer.kind}`)
  if (answer.code === 'store-unavailable') throw new StoreUnavailableError(answer.message, 'unknown')
  throw new Error(answer.message)
}

/** The worker's logger, which adds the task and attempt itself. */
export const createRemoteLogger = (tell: Tell, more: LogFields = {}): Logger => {
  const at =
    (level: LogLevel) =>
    (fields: LogFields, message: string): void => {
      const line = { kind: 'log', level, message } as const
      // Some fields cannot leave the process, such as functions.
      void tell({ ...line, fields: { ...more, ...fields } }).catch(() => tell({ ...line, fields: {} }))
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createRemoteLogger(tell, { ...more, ...fields }),
  }
}
