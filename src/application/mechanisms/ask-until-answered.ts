import { backOffMs } from './back-off.ts'

/** How one question is asked again and again. */
export interface Asking {
  /** Whether somebody still wants the answer. Judged before each question; the first one included. */
  readonly isWanted: () => boolean
  /** Whether a failure may pass by itself. What may not is thrown as it is. */
  readonly isPassing: (error: unknown) => boolean
  /** Resolves after `delayMs`, or sooner when nobody wants the answer any more; never rejects. */
  readonly sleep: (delayMs: number) => Promise<void>
  /** In [0, 1), for the back-off. */
  readonly random: () => number
  /** Told of the first failure alone: an outage is one line in the log. */
  readonly onFirstFailure?: (error: unknown) => void
}

/** `not-wanted`: the question was not asked, or its latest failure may have been its doing all the same. */
export type Asked<Answer> = { readonly kind: 'answered'; readonly answer: Answer } | { readonly kind: 'not-wanted' }

/**
 * Asks until there is an answer, with `backOffMs` between two questions, for as long as somebody wants it: the bound is
 * the caller's, such as a lease or the time limit of a run.
 *
 * Throws what `ask` throws when that does not pass by itself.
 */
export const askUntilAnswered = async <Answer>(
  ask: () => Promise<Answer>,
  { isWanted, isPassing, sleep, random, onFirstFailure }: Asking,
): Promise<Asked<Answer>> => {
  for (let failures = 0; isWanted(); failures += 1) {
    try {
      return { kind: 'answered', answer: await ask() }
    } catch (error) {
      if (!isPassing(error)) throw error
      if (failures === 0) onFirstFailure?.(error)
      await sleep(backOffMs(failures, random()))
    }
  }
  return { kind: 'not-wanted' }
}
