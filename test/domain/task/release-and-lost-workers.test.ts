import { describe, expect, test } from 'vitest'
import { decide } from '#domain/task/decide.ts'
import { runsApart } from '#domain/task/state.ts'
import { declareLost, fail, release } from './support/commands.ts'
import { failed, failedForGood, released, reopened, retried, started, submitted } from './support/events.ts'
import { at, given, taskAfter } from './support/given.ts'
import { after } from './support/history.ts'
import { incarnation, lostError } from './support/task-facts.ts'

describe('a stopping worker', () => {
  test('hands its attempt back', () => {
    given(submitted(), started(1))
      .when(release(2))
      .records(released({ run: 2, attempt: 1 }))
  })

  test('hands even a last attempt back', () => {
    given(submitted({ maxAttempts: 1 }), started(1))
      .when(release(2))
      .records(released({ run: 2, attempt: 1 }))
  })

  test('leaves the task ready, as it was, with the attempt unspent', () => {
    expect(
      taskAfter(submitted({}, { delayMs: 500 }), after(600, started(1)), after(900, released({ run: 2, attempt: 1 }))),
    ).toMatchObject({
      status: 'PENDING',
      phase: 'waiting',
      version: 3,
      facts: { attempt: 0, attemptsSinceOpening: 0 },
      times: { readyAt: at(500), changedAt: at(900), startedAt: at(600) },
    })
  })

  test('takes back one attempt, not those before it', () => {
    expect(
      taskAfter(
        submitted(),
        started(1),
        failed({ run: 2, attempt: 1 }),
        retried(0),
        started(2),
        released({ run: 5, attempt: 2 }),
      ),
    ).toMatchObject({ facts: { attempt: 1, attemptsSinceOpening: 1 } })
  })
})

describe('a lost worker', () => {
  test('spends the attempt, which is retried at once whatever the back-off', () => {
    given(submitted(), started(1))
      .when(declareLost(2))
      .records(failed({ run: 2, attempt: 1, cause: 'worker-lost', error: lostError }), retried(0))
  })

  test('that fenced itself says so in the failure, and what it said', () => {
    const message = `worker ${incarnation} could not renew its lease in time, and stopped its runs`
    const fenced = { cause: 'worker-lost', detail: 'fenced', error: { name: 'WorkerLost', message } } as const
    given(submitted(), started(1))
      .when(declareLost(2, 'fenced'))
      .records(failed({ run: 2, attempt: 1, ...fenced }), retried(0))
    const silent = decide(taskAfter(submitted(), started(1)), declareLost(2))
    expect(silent).toMatchObject({ events: [{ data: { cause: 'worker-lost' } }, {}] })
    expect(silent).not.toMatchObject({ events: [{ data: { detail: expect.anything() } }, {}] })
  })

  test('fails the task when the attempt was its last', () => {
    given(submitted({ maxAttempts: 1 }), started(1))
      .when(declareLost(2))
      .records(failedForGood({ run: 2, attempt: 1, cause: 'worker-lost', error: lostError }))
    expect(
      taskAfter(
        submitted({ maxAttempts: 1 }),
        started(1),
        failedForGood({ run: 2, attempt: 1, cause: 'worker-lost', error: lostError }),
      ),
    ).toMatchObject({ status: 'FAILED', detail: 'attempts-exhausted' })
  })

  test('lost again and again costs attempts only', () => {
    given(
      submitted({ maxAttempts: 3 }),
      started(1),
      failed({ run: 2, attempt: 1, cause: 'worker-lost' }),
      retried(0),
      started(2),
    )
      .when(declareLost(5))
      .records(failed({ run: 5, attempt: 2, cause: 'worker-lost', error: lostError }), retried(0))
  })

  test('is not counted as a crash: the first crash after it is still the first', () => {
    given(
      submitted({ maxAttempts: 9 }),
      started(1),
      failed({ run: 2, attempt: 1, cause: 'worker-lost' }),
      retried(0),
      started(2),
    )
      .when(fail(5, { cause: 'crash' }))
      .records(failed({ run: 5, attempt: 2, cause: 'crash' }), retried(200))
  })

  test('after a reopening spends one of the fresh attempts', () => {
    given(submitted({ maxAttempts: 2 }), started(1), failedForGood({ run: 2, attempt: 1 }), reopened, started(2))
      .when(declareLost(5))
      .records(failed({ run: 5, attempt: 2, cause: 'worker-lost', error: lostError }), retried(0))
  })
})

describe('a task whose workers were lost', () => {
  const lostOnce = [
    submitted({ maxAttempts: 9 }),
    started(1),
    failed({ run: 2, attempt: 1, cause: 'worker-lost' }),
    retried(0),
  ] as const
  const lostTwice = [...lostOnce, started(2), failed({ run: 5, attempt: 2, cause: 'worker-lost' }), retried(0)] as const

  test('shares a process after the first', () => {
    expect(taskAfter(...lostOnce).facts.workersLostSinceOpening).toBe(1)
    expect(runsApart(taskAfter(...lostOnce))).toBe(false)
  })

  test('runs apart after the second, while it waits and while it runs', () => {
    expect(taskAfter(...lostTwice).facts.workersLostSinceOpening).toBe(2)
    expect(runsApart(taskAfter(...lostTwice))).toBe(true)
    expect(runsApart(taskAfter(...lostTwice, started(3)))).toBe(true)
  })

  test('is no suspect when its workers fenced themselves and lived on, however often', () => {
    const fenced = { cause: 'worker-lost', detail: 'fenced' } as const
    const fencedTwice = [
      submitted({ maxAttempts: 9 }),
      started(1),
      failed({ run: 2, attempt: 1, ...fenced }),
      retried(0),
      started(2),
      failed({ run: 5, attempt: 2, ...fenced }),
      retried(0),
    ] as const
    expect(taskAfter(...fencedTwice).facts.workersLostSinceOpening).toBe(0)
    expect(runsApart(taskAfter(...fencedTwice))).toBe(false)
    expect(runsApart(taskAfter(...fencedTwice, started(3), failed({ run: 8, attempt: 3, cause: 'worker-lost' })))).toBe(
      false,
    )
  })

  test('goes on to run apart after failures of its own, and after a release', () => {
    expect(runsApart(taskAfter(...lostTwice, started(3), failed({ run: 8, attempt: 3 }), retried(0)))).toBe(true)
    expect(runsApart(taskAfter(...lostTwice, started(3), released({ run: 8, attempt: 3 })))).toBe(true)
  })

  test('shares a process again once a person has opened it again', () => {
    const reopenedTask = taskAfter(...lostTwice, started(3), failedForGood({ run: 8, attempt: 3 }), reopened)
    expect(reopenedTask.facts.workersLostSinceOpening).toBe(0)
    expect(runsApart(reopenedTask)).toBe(false)
  })

  test('runs no more apart for attempts that failed by themselves', () => {
    const history = [...lostOnce, started(2), failed({ run: 5, attempt: 2, cause: 'timeout' }), retried(0)] as const
    expect(runsApart(taskAfter(...history))).toBe(false)
  })
})
