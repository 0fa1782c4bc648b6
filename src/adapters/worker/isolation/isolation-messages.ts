import type { ClaimVerdict } from '#application/ports/ledger/idempotency-ledger.ts'
import type { LogFields } from '#application/ports/surroundings/logger.ts'
import type { AbortCause } from '#application/ports/task-handler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { HandlerEnding } from '../run/handler-ending.ts'

/** What a worker tells the process that runs one attempt for it. */
export type ToIsolated =
  | {
      readonly kind: 'begin'
      /** For whoever loads the handlers. */
      readonly settings: unknown
      readonly type: string
      readonly payload: JsonText
      readonly taskId: TaskId
      readonly run: number
      readonly attempt: number
    }
  | { readonly kind: 'abort'; readonly cause: AbortCause }
  | { readonly kind: 'answered'; readonly call: number; readonly answer: Answer }

/** What the process tells the worker. */
export type FromIsolated =
  /** Its event loop turns. */
  | { readonly kind: 'alive' }
  /** The handler is about to begin. */
  | { readonly kind: 'begun' }
  /** The handler cannot begin, and the task has nothing to do with it. */
  | { readonly kind: 'unable'; readonly message: string }
  | { readonly kind: 'ended'; readonly ending: HandlerEnding }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: LogFields; readonly message: string }
  | { readonly kind: 'progress'; readonly value: JsonText }
  | { readonly kind: 'asked'; readonly call: number; readonly question: Question }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** What is asked of the ledger; whose run it is the worker knows itself. */
export type Question =
  | { readonly kind: 'claim'; readonly name: string; readonly mode: 'idempotent'; readonly input: JsonText | undefined }
  | { readonly kind: 'complete'; readonly name: string; readonly result: JsonText }

export type Answer =
  | { readonly kind: 'claim'; readonly verdict: ClaimVerdict }
  | { readonly kind: 'complete'; readonly verdict: 'completed' | 'fenced' }
  /** `store-unavailable`: may be asked again. */
  | { readonly kind: 'failed'; readonly code: 'store-unavailable' | 'other'; readonly message: string }

/** Between the two ends of one release; what a handler sends to its parent process by itself has another form. */
export interface Envelope<Body> {
  readonly taskfold: 1
  readonly body: Body
}

export const toEnvelope = <Body>(body: Body): Envelope<Body> => ({ taskfold: 1, body })

export const isFromIsolated = (message: unknown): message is Envelope<FromIsolated> => isEnvelope(message)
export const isToIsolated = (message: unknown): message is Envelope<ToIsolated> => isEnvelope(message)

const isEnvelope = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'taskfold' in message && message.taskfold === 1
