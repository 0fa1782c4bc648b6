import type { FinishCommand } from '#application/commands/finish-run.ts'
import {
  type AbortCause,
  EffectChangedError,
  PayloadInvalidError,
  PermanentError,
  RetryAfterError,
} from '#application/ports/task-handler.ts'
import type { Run } from '#domain/identifiers.ts'
import type { ErrorReport, JsonText } from '#domain/task-events.ts'
import { toErrorReport } from './error-report.ts'
import type { HandlerEnding } from './run-handler.ts'

export interface EndedRun {
  readonly run: Run
  readonly timeLimitMs: number
  /** Why the handler was aborted, if it was. */
  readonly abortCause: Exclude<AbortCause, 'fenced'> | undefined
  /** In [0, 1), for the back-off. */
  readonly random: number
}

/** The command that records how a handler ended. One that returned has succeeded, even when it had been aborted. */
export const toFinishCommand = (ended: EndedRun, ending: HandlerEnding): FinishCommand => {
  if (ending.kind === 'returned') return toSuccess(ended, ending.value)
  if (ended.abortCause === 'shutdown') return { type: 'Release', run: ended.run }
  if (ended.abortCause === 'timeout') return fail(ended, { cause: 'timeout', error: timeoutError(ended) })
  return fail(ended, toFailure(ending.error))
}

/** The command for a handler that was given up on while it was still running. */
export const toCutOffCommand = (ended: EndedRun): FinishCommand => {
  switch (ended.abortCause) {
    case 'shutdown':
      return { type: 'Release', run: ended.run }
    case 'cancelled':
      return { ...fail(ended, { cause: 'handler-error', error: cutOffError }), ending: 'cut-off' }
    case 'timeout':
    case undefined:
      return { ...fail(ended, { cause: 'timeout', error: timeoutError(ended) }), ending: 'cut-off' }
  }
}

type Failure = Pick<FinishCommand & { readonly type: 'Fail' }, 'cause' | 'error' | 'retryAfterMs'>

const fail = ({ run, random }: EndedRun, failure: Failure): FinishCommand & { readonly type: 'Fail' } => ({
  type: 'Fail',
  run,
  ...failure,
  ending: 'thrown',
  random,
})

const timeoutError = ({ timeLimitMs }: EndedRun): ErrorReport => ({
  name: 'TimeoutError',
  message: `the handler did not return within its time limit of ${timeLimitMs} ms`,
})

const cutOffError: ErrorReport = {
  name: 'CutOff',
  message: 'the handler ignored that its run was cancelled, and was given up on',
}

const toSuccess = (ended: EndedRun, value: unknown): FinishCommand => {
  const result = stringify(value)
  if (result.kind === 'text') return { type: 'Succeed', run: ended.run, result: result.text }
  return fail(ended, {
    cause: 'permanent-error',
    error: { name: 'ResultUnserializable', message: `the handler's result is no JSON: ${result.reason}` },
  })
}

type Stringified =
  | { readonly kind: 'text'; readonly text: JsonText }
  | { readonly kind: 'not-json'; readonly reason: string }

const stringify = (value: unknown): Stringified => {
  if (value === undefined) return { kind: 'text', text: 'null' }
  try {
    const text: string | undefined = JSON.stringify(value)
    return text === undefined ? { kind: 'not-json', reason: `a ${typeof value}` } : { kind: 'text', text }
  } catch (error) {
    return { kind: 'not-json', reason: toErrorReport(error).message }
  }
}

const toFailure = (thrown: unknown): Failure => {
  const error = toErrorReport(thrown)
  try {
    if (thrown instanceof PermanentError) return { cause: 'permanent-error', error }
    if (thrown instanceof PayloadInvalidError) return { cause: 'payload-invalid', error }
    if (thrown instanceof EffectChangedError) return { cause: 'effect-changed', error }
    if (thrown instanceof RetryAfterError) return { cause: 'handler-error', error, retryAfterMs: thrown.retryAfterMs }
  } catch {
    // A proxy may throw when it is asked what it is an instance of: then it is none of ours.
  }
  return { cause: 'handler-error', error }
}
