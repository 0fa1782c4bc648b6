import { describe, expect, test } from 'vitest'
import { cancel, fail, release, reopen, runNow, start, declareLost, submit, succeed } from './support/commands.ts'
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
import { appendId, epoch, incarnation, submission, taskId } from './support/task-facts.ts'

describe('before anything was submitted', () => {
  test('a submission records every value in effect and when it is due', () => {
    given()
      .when(submit({ priority: 7, tags: ['x'] }, { delayMs: 500 }))
      .records(submitted({ priority: 7, tags: ['x'] }, { delayMs: 500 }))
  })

  test('a submission for an instant records that instant', () => {
    given()
      .when(submit({}, { runAt: at(86_400_000) }))
      .records(submitted({}, { runAt: at(86_400_000) }))
  })

  test.each([start(), succeed(1), fail(1), release(1), declareLost(1), cancel, reopen, runNow()])(
    '$type is refused',
    (command) => {
      given().when(command).isRefused({ code: 'not-submitted' })
    },
  )
})

describe('a submitted task', () => {
  test('is pending, unspent, and carries what was submitted without when it was due', () => {
    expect(taskAfter(submitted({}, { delayMs: 500 }))).toEqual({
      status: 'PENDING',
      phase: 'waiting',
      taskId,
      version: 1,
      facts: {
        submission,
        attempt: 0,
        attemptsSinceOpening: 0,
        crashesSinceOpening: 0,
        workersLostSinceOpening: 0,
        lastFailure: undefined,
      },
      times: {
        submittedAt: epoch,
        changedAt: epoch,
        readyAt: at(500),
        startedAt: undefined,
        finishedAt: undefined,
      },
    })
  })

  test('is ready at the instant it was submitted for', () => {
    expect(taskAfter(submitted({}, { runAt: at(90_000) })).times.readyAt).toBe(at(90_000))
  })

  test('is not submitted a second time', () => {
    given(submitted()).when(submit()).isRefused({ code: 'already-submitted' })
  })

  test('is not submitted a second time once it has ended', () => {
    given(submitted(), cancelled('requested')).when(submit()).isRefused({ code: 'already-submitted' })
  })
})

describe('a pending task', () => {
  test('starts at the very instant it is ready', () => {
    given(submitted({}, { delayMs: 500 }))
      .when(start(at(500)))
      .records(started(1))
  })

  test('does not start a millisecond before', () => {
    given(submitted({}, { delayMs: 500 }))
      .when(start(at(499)))
      .isRefused({ code: 'not-due', readyAt: at(500) })
  })

  test('does not start before the instant it was rescheduled to', () => {
    given(submitted(), rescheduled({ runAt: at(9_000) }))
      .when(start(at(8_999)))
      .isRefused({ code: 'not-due', readyAt: at(9_000) })
  })

  test('does not start before its back-off is over', () => {
    given(submitted(), started(1), after(1_000, failed({ run: 2, attempt: 1 })), retried(100))
      .when(start(at(1_099)))
      .isRefused({ code: 'not-due', readyAt: at(1_100) })
  })

  test('starts its next attempt, with its own time limit', () => {
    given(submitted({ timeoutMs: 5_000 }), started(1), failed({ run: 2, attempt: 1 }), retried(100))
      .when(start())
      .records(started(2, { timeLimitMs: 5_000 }))
  })

  test('starts the same attempt again after it was handed back', () => {
    given(submitted(), started(1), released({ run: 2, attempt: 1 }))
      .when(start())
      .records(started(1))
  })

  test('counts on after a person opened it again', () => {
    given(submitted({ maxAttempts: 1 }), started(1), failedForGood({ run: 2, attempt: 1 }), reopened)
      .when(start())
      .records(started(2))
  })

  test('does not start beyond its attempts, should a history ever leave it pending without one', () => {
    given(submitted({ maxAttempts: 1 }), started(1), failed({ run: 2, attempt: 1 }), retried(0))
      .when(start())
      .isRefused({ code: 'not-startable', status: 'PENDING' })
  })
})

describe('a started task', () => {
  test('is running under its worker, and its run is the version of its start', () => {
    const pending = taskAfter(submitted())

    expect(taskAfter(submitted(), after(250, started(1)))).toEqual({
      status: 'PROCESSING',
      phase: 'running',
      taskId,
      version: 2,
      facts: { ...pending.facts, attempt: 1, attemptsSinceOpening: 1 },
      times: { ...pending.times, changedAt: at(250), startedAt: at(250) },
      run: 2,
      claim: appendId,
      incarnation,
      timeLimitMs: 60_000,
    })
  })

  test('keeps the instant it was ready at', () => {
    expect(taskAfter(submitted({}, { delayMs: 500 }), after(800, started(1))).times.readyAt).toBe(at(500))
  })

  test('is not started by a second worker', () => {
    given(submitted(), started(1)).when(start()).isRefused({ code: 'not-startable', status: 'PROCESSING' })
  })

  test('is not started while its cancellation is under way', () => {
    given(submitted(), started(1), cancelRequested)
      .when(start())
      .isRefused({ code: 'not-startable', status: 'PROCESSING' })
  })
})

describe('an ended task', () => {
  test.each([
    { status: 'SUCCESS', end: succeeded({ run: 2, attempt: 1 }) },
    { status: 'FAILED', end: failedForGood({ run: 2, attempt: 1 }) },
  ] as const)('that is $status does not start', ({ status, end }) => {
    given(submitted({ maxAttempts: 1 }), started(1), end)
      .when(start())
      .isRefused({ code: 'not-startable', status })
  })

  test('that is CANCELLED does not start', () => {
    given(submitted(), cancelled('requested')).when(start()).isRefused({ code: 'not-startable', status: 'CANCELLED' })
  })
})

describe('a clock that stepped back', () => {
  const threeHoursBefore = at(-3 * 3_600_000)

  test('keeps no task from starting that was due when it was recorded', () => {
    given(submitted()).when(start(threeHoursBefore)).records(started(1))
    given(submitted({}, { runAt: at(-1) }))
      .when(start(threeHoursBefore))
      .records(started(1))
    given(submitted(), started(1), released({ run: 2, attempt: 1 }))
      .when(start(threeHoursBefore))
      .records(started(1))
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(0))
      .when(start(threeHoursBefore))
      .records(started(2))
  })

  test('makes no delay shorter', () => {
    given(submitted({}, { delayMs: 1 }))
      .when(start(threeHoursBefore))
      .isRefused({ code: 'not-due', readyAt: at(1) })
  })
})
