import type {
  CancelRequested,
  Cancelled,
  CancellationCause,
  Failed,
  Released,
  Rescheduled,
  Retried,
  Started,
  Submission,
  Submitted,
  Succeeded,
} from '#domain/task/events.ts'
import type { Due } from '#domain/time.ts'
import { error, incarnation, submission } from './task-facts.ts'

/** Events, with the members filled in that a test does not name. */
export const submitted = (differences: Partial<Submission> = {}, due: Due = { delayMs: 0 }): Submitted => ({
  type: 'Submitted',
  data: { ...submission, ...differences, ...due },
})

export const started = (attempt: number, differences: Partial<Started['data']> = {}): Started => ({
  type: 'Started',
  data: { attempt, incarnation, timeLimitMs: submission.timeoutMs, ...differences },
})

type RunFacts = { readonly run: number; readonly attempt: number }

/** The attempt failed and another one follows; by `handler-error` unless named. */
export const failed = (facts: RunFacts & Partial<Failed['data']>): Failed => ({
  type: 'Failed',
  data: { cause: 'handler-error', final: false, error, ...facts },
})

/** The attempt failed and the task with it. */
export const failedForGood = (facts: RunFacts & Partial<Failed['data']>): Failed => failed({ final: true, ...facts })

export const retried = (delayMs: number): Retried => ({ type: 'Retried', data: { delayMs, reopened: false } })

export const reopened: Retried = { type: 'Retried', data: { delayMs: 0, reopened: true } }

export const succeeded = (facts: RunFacts): Succeeded => ({ type: 'Succeeded', data: { result: '42', ...facts } })

export const released = (facts: RunFacts): Released => ({ type: 'Released', data: { cause: 'shutdown', ...facts } })

export const rescheduled = (due: Due = { delayMs: 0 }): Rescheduled => ({ type: 'Rescheduled', data: due })

export const cancelRequested: CancelRequested = { type: 'CancelRequested', data: {} }

export const cancelled = (cause: CancellationCause): Cancelled => ({ type: 'Cancelled', data: { cause } })
