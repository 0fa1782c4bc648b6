import { describe, expect, test } from 'vitest'
import { reopen, runNow } from './support/commands.ts'
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
import { at, given, taskAfter } from './support/given.ts'
import { after } from './support/history.ts'
import { error } from './support/task-facts.ts'

describe('a person who retries', () => {
  test.each([
    { end: [failedForGood({ run: 2, attempt: 1 })], name: 'failed' },
    { end: [cancelRequested, cancelled('aborted')], name: 'cancelled' },
  ])('opens a $name task again', ({ end }) => {
    given(submitted(), started(1), ...end)
      .when(reopen)
      .records(reopened)
  })

  test('opens a task again that was cancelled before it ever ran', () => {
    given(submitted(), cancelled('requested')).when(reopen).records(reopened)
  })

  test('grants fresh attempts, forgives crashes, and keeps the count and the last error', () => {
    const task = taskAfter(
      submitted({}, { delayMs: 10 }),
      started(1),
      failed({ run: 2, attempt: 1, cause: 'crash' }),
      retried(0),
      started(2),
      failedForGood({ run: 5, attempt: 2, cause: 'crash' }),
      after(5_000, reopened),
    )

    expect(task).toMatchObject({
      status: 'PENDING',
      phase: 'waiting',
      version: 7,
      facts: {
        attempt: 2,
        attemptsSinceOpening: 0,
        crashesSinceOpening: 0,
        lastFailure: { error, cause: 'crash', attempt: 2 },
      },
      times: { readyAt: at(5_000), finishedAt: undefined },
    })
  })

  test('forgets the request to cancel: the next run is not cancelling', () => {
    expect(
      taskAfter(submitted(), started(1), cancelRequested, cancelled('aborted'), reopened, started(2)),
    ).toMatchObject({ status: 'PROCESSING', phase: 'running', run: 6 })
  })

  test.each([
    { status: 'PENDING', history: [] },
    { status: 'PROCESSING', history: [started(1)] },
    { status: 'PROCESSING', history: [started(1), cancelRequested] },
    { status: 'SUCCESS', history: [started(1), succeeded({ run: 2, attempt: 1 })] },
  ] as const)('is refused a task that is $status', ({ status, history }) => {
    given(submitted(), ...history)
      .when(reopen)
      .isRefused({ code: 'not-retryable', status })
  })
})

describe('a person who wants a task to run now', () => {
  test('makes a scheduled task due', () => {
    given(submitted({}, { delayMs: 500 }))
      .when(runNow(at(499)))
      .records(rescheduled())
  })

  test('makes a task due that was scheduled for an instant', () => {
    given(submitted({}, { runAt: at(500) }))
      .when(runNow(at(1)))
      .records(rescheduled())
  })

  test('makes a task due that waits for its back-off', () => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(100))
      .when(runNow(at(99)))
      .records(rescheduled())
  })

  test('writes nothing when it is ready at that very instant', () => {
    given(submitted({}, { delayMs: 500 }))
      .when(runNow(at(500)))
      .recordsNothing()
  })

  test('writes nothing when an attempt was handed back', () => {
    given(submitted(), started(1), released({ run: 2, attempt: 1 }))
      .when(runNow())
      .recordsNothing()
  })

  test('makes a task due whose failure stands without its retry', () => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }))
      .when(runNow())
      .records(rescheduled())
  })

  test.each([
    { status: 'PROCESSING', history: [started(1)] },
    { status: 'SUCCESS', history: [started(1), succeeded({ run: 2, attempt: 1 })] },
    { status: 'FAILED', history: [started(1), failedForGood({ run: 2, attempt: 1 })] },
    { status: 'CANCELLED', history: [cancelled('requested')] },
  ] as const)('is refused a task that is $status', ({ status, history }) => {
    given(submitted(), ...history)
      .when(runNow())
      .isRefused({ code: 'not-runnable', status })
  })
})

describe('a rescheduled task', () => {
  test('is ready after the delay, counted from the recording', () => {
    expect(taskAfter(submitted({}, { delayMs: 86_400_000 }), after(1_000, rescheduled({ delayMs: 5 })))).toMatchObject({
      status: 'PENDING',
      phase: 'waiting',
      version: 2,
      times: { readyAt: at(1_005), changedAt: at(1_000) },
    })
  })

  test('is ready at the instant a person named', () => {
    expect(taskAfter(submitted(), rescheduled({ runAt: at(77) })).times.readyAt).toBe(at(77))
  })

  test('keeps the attempts it has spent', () => {
    expect(
      taskAfter(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(100), rescheduled()),
    ).toMatchObject({ facts: { attempt: 1, attemptsSinceOpening: 1 } })
  })
})

describe('a person who hurries a task after the clock has stepped back', () => {
  const threeHoursBefore = at(-3 * 3_600_000)

  test('makes it due by one event, however often', () => {
    given(submitted({}, { delayMs: 500 }))
      .when(runNow(threeHoursBefore))
      .records(rescheduled({ delayMs: 0 }))
    given(submitted({}, { delayMs: 500 }), rescheduled({ delayMs: 0 }))
      .when(runNow(threeHoursBefore))
      .recordsNothing()
  })

  test('records nothing on a task without a delay', () => {
    given(submitted()).when(runNow(threeHoursBefore)).recordsNothing()
  })
})
