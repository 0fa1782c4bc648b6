import { EffectChangedError, type EffectInDoubtError } from '#application/ports/ledger/handler-effects.ts'
import { PayloadInvalidError, PermanentError, RetryAfterError } from '#application/ports/task-handler.ts'
import type { FailureCause, ErrorReport, JsonText } from '#domain/task/events.ts'
import { toErrorReport } from './error-report.ts'

/** How a handler ended, as plain data that holds no object of the handler; it may have crossed from another process. */
export type HandlerEnding =
  | { readonly kind: 'returned'; readonly result: HandlerResult }
  | { readonly kind: 'threw'; readonly failure: HandlerFailure }
  /** Its process died; only for a run in a process of its own. */
  | { readonly kind: 'crashed'; readonly error: ErrorReport }

export type HandlerResult =
  | { readonly kind: 'text'; readonly text: JsonText }
  | { readonly kind: 'not-json'; readonly reason: string }

export interface HandlerFailure {
  readonly cause: Exclude<FailureCause, 'worker-lost' | 'timeout' | 'crash'>
  readonly error: ErrorReport
  readonly retryAfterMs?: number
}

/** Reads what a handler returned. Never throws. */
export const toReturned = (value: unknown): HandlerEnding => ({ kind: 'returned', result: stringify(value) })

/** Reads what a handler threw, whatever it is. Never throws. */
export const toThrown = (thrown: unknown): HandlerEnding => ({ kind: 'threw', failure: toFailure(thrown) })

/** The ending of a run that left an effect in doubt, however its handler ended. */
export const toInDoubt = (doubt: EffectInDoubtError): HandlerEnding => ({
  kind: 'threw',
  failure: { cause: 'effect-in-doubt', error: toErrorReport(doubt) },
})

const stringify = (value: unknown): HandlerResult => {
  if (value === undefined) return { kind: 'text', text: 'null' }
  try {
    const text: string | undefined = JSON.stringify(value)
    return text === undefined ? { kind: 'not-json', reason: `a ${typeof value}` } : { kind: 'text', text }
  } catch (error) {
    return { kind: 'not-json', reason: toErrorReport(error).message }
  }
}

const toFailure = (thrown: unknown): HandlerFailure => {
  const error = toErrorReport(thrown)
  try {
    if (thrown instanceof PermanentError) return { cause: 'permanent-error', error }
    if (thrown instanceof PayloadInvalidError) return { cause: 'payload-invalid', error }
    if (thrown instanceof EffectChangedError) return { cause: 'effect-changed', error }
    if (thrown instanceof RetryAfterError) return { cause: 'handler-error', error, retryAfterMs: thrown.retryAfterMs }
  } catch {
    // `instanceof` throws for some proxies; none of our errors is one.
  }
  return { cause: 'handler-error', error }
}
