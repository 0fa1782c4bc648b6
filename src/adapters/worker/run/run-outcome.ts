import type { FinishCommand } from '#application/runs/finish-run.ts'
import type { AbortCause } from '#application/ports/task-handler.ts'
import type { Run } from '#domain/identifiers.ts'
import type { ErrorReport } from '#domain/task/events.ts'
import type { HandlerEnding, Result } from './handler-ending.ts'

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
  if (ending.kind === 'returned') return toSuccess(ended, ending.result)
  // Aborted or not: what kills its process may do so again.
  if (ending.kind === 'crashed') return fail(ended, { cause: 'crash', error: ending.error })
  if (ended.abortCause === 'shutdown') return { type: 'Release', run: ended.run }
  if (ended.abortCause === 'timeout') return fail(ended, { cause: 'timeout', error: timeoutError(ended) })
  return fail(ended, ending.failure)
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

const toSuccess = (ended: EndedRun, result: Result): FinishCommand =>
  result.kind === 'text'
    ? { type: 'Succeed', run: ended.run, result: result.text }
    : fail(ended, {
        cause: 'permanent-error',
        error: { name: 'ResultUnserializable', message: `the handler's result is no JSON: ${result.reason}` },
      })
