import { describe, expect, test } from 'vitest'
import { fail, succeed } from './support/commands.ts'
import {
  cancelRequested,
  failed,
  failedForGood,
  released,
  reopened,
  retried,
  started,
  submitted,
  succeeded,
} from './support/events.ts'
import { at, given, taskAfter } from './support/given.ts'
import { after } from './support/history.ts'
import { error } from './support/task-facts.ts'

describe('a handler that returns', () => {
  test('ends the task with its result', () => {
    given(submitted(), started(1))
      .when(succeed(2))
      .records(succeeded({ run: 2, attempt: 1 }))
  })

  test('ends it although cancellation was requested meanwhile', () => {
    given(submitted(), started(1), cancelRequested)
      .when(succeed(2))
      .records(succeeded({ run: 2, attempt: 1 }))
  })

  test('on its second attempt records that attempt and run', () => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(100), started(2))
      .when(succeed(5))
      .records(succeeded({ run: 5, attempt: 2 }))
  })

  test('leaves a task that is over, with its result and without an earlier error', () => {
    const task = taskAfter(
      submitted(),
      started(1),
      failed({ run: 2, attempt: 1 }),
      retried(100),
      started(2),
      after(700, succeeded({ run: 5, attempt: 2 })),
    )

    expect(task).toMatchObject({
      status: 'SUCCESS',
      result: '42',
      facts: { attempt: 2 },
      times: { finishedAt: at(700), changedAt: at(700) },
    })
    expect(task.facts.lastFailure).toBeUndefined()
  })
})

describe('a handler that throws', () => {
  test('with attempts left is retried after its back-off, in one append', () => {
    given(submitted(), started(1))
      .when(fail(2))
      .records(failed({ run: 2, attempt: 1 }), retried(100))
  })

  test('on its last attempt fails the task', () => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(100), started(2))
      .when(fail(5))
      .records(failedForGood({ run: 5, attempt: 2 }))
  })

  test('on its only attempt fails the task', () => {
    given(submitted({ maxAttempts: 1 }), started(1))
      .when(fail(2))
      .records(failedForGood({ run: 2, attempt: 1 }))
  })

  test('keeps the attempt that a stopping worker handed back', () => {
    given(submitted(), started(1), released({ run: 2, attempt: 1 }), started(1))
      .when(fail(4))
      .records(failed({ run: 4, attempt: 1 }), retried(100))
  })

  test('has all its attempts again after a person opened it, and the first back-off too', () => {
    given(submitted({ maxAttempts: 2 }), started(1), failedForGood({ run: 2, attempt: 1 }), reopened, started(2))
      .when(fail(5))
      .records(failed({ run: 5, attempt: 2 }), retried(100))
  })

  test('waits twice as long after its second attempt', () => {
    given(submitted({ maxAttempts: 5 }), started(1), failed({ run: 2, attempt: 1 }), retried(100), started(2))
      .when(fail(5))
      .records(failed({ run: 5, attempt: 2 }), retried(200))
  })

  test('waits by the chance that came with the command', () => {
    given(submitted({ retry: { strategy: 'fixed', baseMs: 999, maxMs: 1_000, jitter: 'full' } }), started(1))
      .when(fail(2, { random: 0.25 }))
      .records(failed({ run: 2, attempt: 1 }), retried(250))
  })

  test.each([0, 12_345])('and asks for %i ms waits exactly that', (retryAfterMs) => {
    given(submitted(), started(1))
      .when(fail(2, { retryAfterMs }))
      .records(failed({ run: 2, attempt: 1 }), retried(retryAfterMs))
  })

  test('and asks for a delay on its last attempt fails the task all the same', () => {
    given(submitted({ maxAttempts: 1 }), started(1))
      .when(fail(2, { retryAfterMs: 1 }))
      .records(failedForGood({ run: 2, attempt: 1 }))
  })
})

describe('a handler that ran out of time', () => {
  test.each(['thrown', 'cut-off'] as const)('and was %s is retried while attempts are left', (ending) => {
    given(submitted(), started(1))
      .when(fail(2, { cause: 'timeout', ending }))
      .records(failed({ run: 2, attempt: 1, cause: 'timeout' }), retried(100))
  })

  test('on its last attempt fails the task', () => {
    given(submitted({ maxAttempts: 1 }), started(1))
      .when(fail(2, { cause: 'timeout' }))
      .records(failedForGood({ run: 2, attempt: 1, cause: 'timeout' }))
  })
})

describe('an attempt that no further one can better', () => {
  const causes = ['permanent-error', 'payload-invalid', 'effect-in-doubt', 'effect-changed'] as const

  test.each(causes)('ends the task at once: %s', (cause) => {
    given(submitted({ maxAttempts: 100 }), started(1))
      .when(fail(2, { cause }))
      .records(failedForGood({ run: 2, attempt: 1, cause }))
  })

  test.each(causes)('gives the ended task the detail of its name: %s', (cause) => {
    expect(taskAfter(submitted(), started(1), failedForGood({ run: 2, attempt: 1, cause }))).toMatchObject({
      status: 'FAILED',
      detail: cause,
    })
  })
})

describe('an attempt that killed its process', () => {
  test('is retried with its back-off the first time', () => {
    given(submitted(), started(1))
      .when(fail(2, { cause: 'crash' }))
      .records(failed({ run: 2, attempt: 1, cause: 'crash' }), retried(100))
  })

  test('ends the task the second time, whatever attempts are left', () => {
    given(
      submitted({ maxAttempts: 100 }),
      started(1),
      failed({ run: 2, attempt: 1, cause: 'crash' }),
      retried(0),
      started(2),
      failed({ run: 5, attempt: 2 }),
      retried(0),
      started(3),
    )
      .when(fail(8, { cause: 'crash' }))
      .records(failedForGood({ run: 8, attempt: 3, cause: 'crash' }))
  })

  test('ends the task the first time when it was the last attempt', () => {
    given(submitted({ maxAttempts: 1 }), started(1))
      .when(fail(2, { cause: 'crash' }))
      .records(failedForGood({ run: 2, attempt: 1, cause: 'crash' }))
  })

  test('is forgiven once a person opens the task again', () => {
    given(
      submitted({ maxAttempts: 100 }),
      started(1),
      failed({ run: 2, attempt: 1, cause: 'crash' }),
      retried(0),
      started(2),
      failedForGood({ run: 5, attempt: 2, cause: 'crash' }),
      reopened,
      started(3),
    )
      .when(fail(8, { cause: 'crash' }))
      .records(failed({ run: 8, attempt: 3, cause: 'crash' }), retried(100))
  })

  test('is counted, and nothing else is', () => {
    const history = [submitted(), started(1), failed({ run: 2, attempt: 1, cause: 'crash' }), retried(0), started(2)]

    expect(taskAfter(...history).facts.crashesSinceOpening).toBe(1)
    expect(
      taskAfter(...history, failedForGood({ run: 5, attempt: 2, cause: 'timeout' })).facts.crashesSinceOpening,
    ).toBe(1)
  })
})

describe('a failed attempt', () => {
  test('is the last failure of a task that waits for its back-off', () => {
    expect(taskAfter(submitted(), started(1), after(900, failed({ run: 2, attempt: 1 })), retried(100))).toMatchObject({
      status: 'PENDING',
      phase: 'waiting',
      version: 4,
      facts: {
        attempt: 1,
        attemptsSinceOpening: 1,
        lastFailure: { error, cause: 'handler-error', attempt: 1 },
      },
      times: { readyAt: at(1_000) },
    })
  })

  test('stays the last failure while the next attempt runs', () => {
    const task = taskAfter(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(100), started(2))

    expect(task.facts.lastFailure).toEqual({ error, cause: 'handler-error', attempt: 1 })
  })

  test('that was the last ends the task when it is recorded', () => {
    expect(
      taskAfter(submitted({ maxAttempts: 1 }), started(1), after(900, failedForGood({ run: 2, attempt: 1 }))),
    ).toMatchObject({
      status: 'FAILED',
      detail: 'attempts-exhausted',
      facts: { lastFailure: { error, cause: 'handler-error', attempt: 1 } },
      times: { finishedAt: at(900) },
    })
  })
})
