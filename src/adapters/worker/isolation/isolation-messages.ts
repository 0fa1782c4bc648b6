import type { QueryAnswer, QueryRefusal } from '#application/ports/ledger/handler-effects.ts'
import type {
  ClaimVerdict,
  EffectClaim,
  TransactionClaim,
  TransactVerdict,
} from '#application/ports/ledger/idempotency-ledger.ts'
import type { LogFields } from '#application/ports/surroundings/logger.ts'
import type { AbortCause } from '#application/ports/task-handler.ts'
import type { AppendId, TaskId } from '#domain/identifiers.ts'
import type { ErrorReport, JsonText } from '#domain/task/events.ts'
import type { HandlerEnding } from '../run/handler-ending.ts'

/** What a worker tells the process that runs attempts for it, one after another. */
export type ToIsolated =
  | {
      readonly kind: 'begin'
      /** For the loading of the handlers. */
      readonly settings: unknown
      readonly type: string
      readonly payload: JsonText
      readonly taskId: TaskId
      readonly run: number
      readonly claim: AppendId
      readonly attempt: number
    }
  | { readonly kind: 'abort'; readonly cause: AbortCause }
  | { readonly kind: 'ledger-reply'; readonly call: number; readonly reply: LedgerReply }
  /** The work of an effect in mode `tx` may begin. `call`: that of its request, which names the transaction from now on. */
  | { readonly kind: 'transaction-open'; readonly call: number; readonly key: string }

/** What the process tells the worker. */
export type FromIsolated =
  /** Its event loop turns. */
  | { readonly kind: 'alive' }
  /** The handler is about to begin. */
  | { readonly kind: 'begun' }
  /** The handler cannot begin, for a reason that the task has nothing to do with. */
  | { readonly kind: 'unable'; readonly message: string }
  | { readonly kind: 'ended'; readonly ending: HandlerEnding }
  /** An error escaped from the handler, and the process ends: its death is the crash, and this tells of what. */
  | { readonly kind: 'escaped'; readonly error: ErrorReport }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: LogFields; readonly message: string }
  | { readonly kind: 'progress'; readonly value: JsonText }
  | { readonly kind: 'ledger-request'; readonly call: number; readonly request: LedgerRequest }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** A question to the ledger. The worker adds the task and the run: the process cannot speak for another one. */
export type LedgerRequest =
  | ({ readonly kind: 'claim' } & Pick<EffectClaim, 'name' | 'mode' | 'input' | 'unfinished'>)
  | { readonly kind: 'complete'; readonly name: string; readonly result: JsonText }
  | { readonly kind: 'give-back' | 'doubt'; readonly name: string }
  /** Answered when the transaction is over. */
  | ({ readonly kind: 'transact' } & Pick<TransactionClaim, 'name' | 'input'>)
  | ({ readonly kind: 'query' } & TransactedStatement)
  /** How the work of a transaction ended; not answered by itself. */
  | { readonly kind: 'returned'; readonly transaction: number; readonly result: JsonText }
  | { readonly kind: 'threw'; readonly transaction: number }

export interface TransactedStatement {
  readonly transaction: number
  readonly text: string
  readonly values: readonly unknown[]
}

export type LedgerReply =
  | { readonly kind: 'claim'; readonly verdict: ClaimVerdict }
  | { readonly kind: 'complete'; readonly verdict: 'completed' | 'fenced' }
  | { readonly kind: 'give-back'; readonly verdict: 'given-back' | 'fenced' }
  | { readonly kind: 'doubt'; readonly verdict: 'in-doubt' | 'completed' | 'fenced' }
  | { readonly kind: 'transact'; readonly verdict: TransactVerdict }
  | { readonly kind: 'query'; readonly answer: QueryAnswer }
  /** By the database. */
  | ({ readonly kind: 'refused'; readonly message: string } & QueryRefusal)
  | { readonly kind: 'failed'; readonly code: LedgerFailure; readonly message: string }

/** `store-unavailable`: may be asked again. `work`: the work of the transaction threw, or its run was aborted. */
export type LedgerFailure = 'store-unavailable' | 'work' | 'other'

/** Tells our messages from those that a handler itself sends to its parent process. */
export interface Envelope<Body> {
  readonly taskfold: 1
  /** The number of the run in its process that it is about: no message of a run is taken for one of the next. */
  readonly order: number
  readonly body: Body
}

export const toEnvelope = <Body>(order: number, body: Body): Envelope<Body> => ({ taskfold: 1, order, body })

/** The body of an envelope about that run, whatever it is; undefined for any other message. */
export const findBody = (message: unknown, order: number): unknown =>
  isEnvelope(message) && message.order === order ? message.body : undefined

/**
 * Believed without parsing: the only other end of this channel is the worker that forked this process from the same files,
 * and no handler runs there. Undefined for a message without an envelope.
 */
export const trustWorkerMessage = (message: unknown): Envelope<ToIsolated> | undefined =>
  isWorkerMessage(message) ? message : undefined

const isWorkerMessage = (message: unknown): message is Envelope<ToIsolated> => isEnvelope(message)

const isEnvelope = (message: unknown): message is Envelope<unknown> =>
  typeof message === 'object' &&
  message !== null &&
  'taskfold' in message &&
  message.taskfold === 1 &&
  'order' in message &&
  typeof message.order === 'number' &&
  'body' in message
