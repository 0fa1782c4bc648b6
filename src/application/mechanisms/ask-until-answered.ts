import { backOffMs } from './back-off.ts'

/** How one question is asked again and again. */
export interface Asking {
  /** Whether a failure may pass by itself. Any other is thrown as it is. */
  readonly isPassing: (error: unknown) => boolean
  /** Resolves after `delayMs`, or sooner when the answer is not wanted any more; never rejects. */
  readonly sleep: (delayMs: number) => Promise<void>
  /** In [0, 1), for the back-off. */
  readonly random: () => number
  /** Told of the first failure alone: an outage is one line in the log. */
  readonly onFirstFailure?: (error: unknown) => void
}

/**
 * Asks until there is an answer, with `backOffMs` between two questions. The bound is the caller's, such as a lease or the
 * time limit of a run: when it is reached, `ask` answers that, or `isPassing` denies it.
 *
 * Throws what `ask` throws when that does not pass by itself.
 */
export const askUntilAnswered = async <Answer>(ask: () => Promise<Answer>, asking: Asking): Promise<Answer> => {
  try {
    return await ask()
  } catch (error) {
    return askAgain(ask, error, asking)
  }
}

/** Goes on as `askUntilAnswered` does after a first question that failed: for callers whose first try must not be async. */
export const askAgain = async <Answer>(
  ask: () => Promise<Answer>,
  firstFailure: unknown,
  { isPassing, sleep, random, onFirstFailure }: Asking,
): Promise<Answer> => {
  if (!isPassing(firstFailure)) throw firstFailure
  onFirstFailure?.(firstFailure)
  for (let failures = 0; ; failures += 1) {
    await sleep(backOffMs(failures, random()))
    try {
      return await ask()
    } catch (error) {
      if (!isPassing(error)) throw error
    }
  }
}
