import { describe, expect, test } from 'vitest'
import {
  cancelled,
  cancelRequested,
  failed,
  failedForGood,
  released,
  reopened,
  rescheduled,
  retried,
  started,
  submitted,
  succeeded,
} from './support/events.ts'
import { after, recorded, type Step } from './support/history.ts'
import { findBreaches } from './support/legality.ts'

/** `findBreaches` is tested itself: one that finds nothing would prove nothing. */
describe('a legal history', () => {
  test.each<{ readonly name: string; readonly history: readonly Step[] }>([
    { name: 'nothing yet', history: [] },
    { name: 'waits', history: [submitted(), rescheduled()] },
    { name: 'succeeds', history: [submitted(), started(1), succeeded({ run: 2, attempt: 1 })] },
    {
      name: 'succeeds while cancelling',
      history: [submitted(), started(1), cancelRequested, succeeded({ run: 2, attempt: 1 })],
    },
    { name: 'is opened again', history: [submitted(), cancelled('requested'), reopened, started(1)] },
    {
      name: 'fails twice',
      history: [
        submitted(),
        started(1),
        failed({ run: 2, attempt: 1 }),
        retried(0),
        started(2),
        failedForGood({ run: 5, attempt: 2 }),
      ],
    },
    {
      name: 'is handed back and cancelled',
      history: [
        submitted(),
        started(1),
        released({ run: 2, attempt: 1 }),
        started(1),
        cancelRequested,
        cancelled('aborted'),
        reopened,
      ],
    },
  ])('has no breach when it $name', ({ history }) => {
    expect(findBreaches(recorded(...history))).toEqual([])
  })
})

describe('an illegal history', () => {
  const run = { run: 2, attempt: 1 }

  test.each<{ readonly name: string; readonly history: readonly Step[] }>([
    { name: 'begins without a submission', history: [started(1)] },
    { name: 'is submitted twice', history: [submitted(), submitted()] },
    { name: 'goes on after a success', history: [submitted(), started(1), succeeded(run), reopened] },
    { name: 'succeeds twice', history: [submitted(), started(1), succeeded(run), succeeded(run)] },
    { name: 'fails for now without a retry', history: [submitted(), started(1), failed(run)] },
    { name: 'fails for now and is opened', history: [submitted(), started(1), failed(run), reopened] },
    { name: 'fails for good and is retried', history: [submitted(), started(1), failedForGood(run), retried(0)] },
    { name: 'starts after its end', history: [submitted(), cancelled('requested'), started(1)] },
    { name: 'has two runs at once', history: [submitted(), started(1), started(2)] },
    { name: 'names another run', history: [submitted(), started(1), succeeded({ run: 1, attempt: 1 })] },
    { name: 'names another attempt', history: [submitted(), started(1), succeeded({ run: 2, attempt: 2 })] },
    { name: 'counts attempts wrongly', history: [submitted(), started(2)] },
    { name: 'is released while cancelling', history: [submitted(), started(1), cancelRequested, released(run)] },
    {
      name: 'is retried while cancelling',
      history: [submitted(), started(1), cancelRequested, failed(run), retried(0)],
    },
    { name: 'is cancelled in its run without a request', history: [submitted(), started(1), cancelled('aborted')] },
    {
      name: 'is cancelled as pending in its run',
      history: [submitted(), started(1), cancelRequested, cancelled('requested')],
    },
    { name: 'is cancelled as running when pending', history: [submitted(), cancelled('aborted')] },
    { name: 'ends too early', history: [submitted(), started(1), failedForGood(run)] },
    {
      name: 'goes on after a permanent error',
      history: [submitted(), started(1), failed({ ...run, cause: 'permanent-error' }), retried(0)],
    },
    {
      name: 'goes on without attempts left',
      history: [submitted({ maxAttempts: 1 }), started(1), failed(run), retried(0)],
    },
    {
      name: 'survives a second crash',
      history: [
        submitted({ maxAttempts: 9 }),
        started(1),
        failed({ ...run, cause: 'crash' }),
        retried(0),
        started(2),
        failed({ run: 5, attempt: 2, cause: 'crash' }),
        retried(0),
      ],
    },
    { name: 'starts too early', history: [submitted({}, { delayMs: 5 }), after(4, started(1))] },
    { name: 'runs back in time', history: [after(5, submitted()), after(4, rescheduled())] },
    { name: 'has another time limit', history: [submitted(), started(1, { timeLimitMs: 1 })] },
  ])('has a breach when it $name', ({ history }) => {
    expect(findBreaches(recorded(...history))).not.toEqual([])
  })
})
