import type { FinishCommand } from '#application/runs/finish-run.ts'
import type { AbortCause } from '#application/ports/task-handler.ts'
import type { Run } from '#domain/identifiers.ts'
import type { ErrorReport } from '#domain/task/events.ts'
import type { HandlerEnding, HandlerResult } from './handler-ending.ts'

/** What decides the outcome of a run beside the way its handler ended. */
export interface OutcomeFacts {
  readonly run: Run
  readonly timeLimitMs: number
  /** Why the handler was aborted, if it was. */
  readonly abortCause: Exclude<AbortCause, 'fenced'> | undefined
  /** Set when an effect is in doubt: the run ends by that, whatever its handler did afterwards. */
  readonly doubt: ErrorReport | undefined
  /** In [0, 1), for the back-off. */
  readonly random: number
}

/**
 * The command that records how a handler ended. One that returned has succeeded, even when it had been aborted, unless an effect
 * is in doubt.
 */
export const toFinishCommand = (facts: OutcomeFacts, ending: HandlerEnding): FinishCommand => {
  if (facts.doubt !== undefined) return failInDoubt(facts, facts.doubt)
  if (ending.kind === 'returned') return toSuccess(facts, ending.result)
  // Even of a run that was aborted: a handler that killed its process may do so again.
  if (ending.kind === 'crashed') return fail(facts, { cause: 'crash', error: ending.error })
  // In a process of its own the handler left the effect in doubt there.
  if (ending.failure.cause === 'effect-in-doubt') return fail(facts, ending.failure)
  if (facts.abortCause === 'shutdown') return { type: 'Release', run: facts.run }
  if (facts.abortCause === 'timeout') return fail(facts, { cause: 'timeout', error: timeoutError(facts) })
  return fail(facts, ending.failure)
}

/** The command for a handler that was given up on while it was still at work. */
export const toCutOffCommand = (facts: OutcomeFacts): FinishCommand => {
  if (facts.doubt !== undefined) return { ...failInDoubt(facts, facts.doubt), ending: 'cut-off' }
  switch (facts.abortCause) {
    case 'shutdown':
      return { type: 'Release', run: facts.run }
    case 'cancelled':
      return { ...fail(facts, { cause: 'handler-error', error: cutOffError }), ending: 'cut-off' }
    case 'timeout':
    case undefined:
      return { ...fail(facts, { cause: 'timeout', error: timeoutError(facts) }), ending: 'cut-off' }
  }
}

type Failure = Pick<FinishCommand & { readonly type: 'Fail' }, 'cause' | 'error' | 'retryAfterMs'>

const fail = ({ run, random }: OutcomeFacts, failure: Failure): FinishCommand & { readonly type: 'Fail' } => ({
  type: 'Fail',
  run,
  ...failure,
  ending: 'thrown',
  random,
})

/** Not released and not retried: the next run would only find the same doubt. */
const failInDoubt = (facts: OutcomeFacts, error: ErrorReport): ReturnType<typeof fail> =>
  fail(facts, { cause: 'effect-in-doubt', error })

const timeoutError = ({ timeLimitMs }: OutcomeFacts): ErrorReport => ({
  name: 'TimeoutError',
  message: `the handler did not return within its time limit of ${timeLimitMs} ms`,
})

const cutOffError: ErrorReport = {
  name: 'CutOff',
  message: 'the handler ignored that its run was cancelled, and was given up on',
}

const toSuccess = (facts: OutcomeFacts, result: HandlerResult): FinishCommand =>
  result.kind === 'text'
    ? { type: 'Succeed', run: facts.run, result: result.text }
    : fail(facts, {
        cause: 'permanent-error',
        error: { name: 'ResultUnserializable', message: `the handler's result is no JSON: ${result.reason}` },
      })
