import { describe, expect, test } from 'vitest'
import { cancel, declareLost, fail, release, succeed } from './support/commands.ts'
import {
  cancelled,
  cancelRequested,
  failed,
  failedForGood,
  retried,
  started,
  submitted,
  succeeded,
} from './support/events.ts'
import { at, given, taskAfter } from './support/given.ts'
import { after } from './support/history.ts'
import { error } from './support/task-facts.ts'

describe('cancelling a pending task', () => {
  test('is one event, whether or not it is due', () => {
    given(submitted()).when(cancel).records(cancelled('requested'))
    given(submitted({}, { delayMs: 500 }))
      .when(cancel)
      .records(cancelled('requested'))
  })

  test('that waits for its back-off is one event', () => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(100))
      .when(cancel)
      .records(cancelled('requested'))
  })

  test('ends it there and keeps its last error', () => {
    const task = taskAfter(
      submitted(),
      started(1),
      failed({ run: 2, attempt: 1 }),
      retried(100),
      after(300, cancelled('requested')),
    )

    expect(task).toMatchObject({
      status: 'CANCELLED',
      version: 5,
      facts: { attempt: 1 },
      times: { finishedAt: at(300), changedAt: at(300) },
    })
    expect(task.facts.lastFailure).toEqual({ error, cause: 'handler-error', attempt: 1 })
  })
})

describe('cancelling a running task', () => {
  test('requests it and leaves the run in force', () => {
    given(submitted(), started(1)).when(cancel).records(cancelRequested)
    expect(taskAfter(submitted(), started(1), after(50, cancelRequested))).toMatchObject({
      status: 'PROCESSING',
      phase: 'cancelling',
      run: 2,
      version: 3,
      facts: { attempt: 1 },
      times: { changedAt: at(50) },
    })
  })

  test('a second time writes nothing', () => {
    given(submitted(), started(1), cancelRequested).when(cancel).recordsNothing()
  })

  test('loses to a handler that returns all the same', () => {
    given(submitted(), started(1), cancelRequested)
      .when(succeed(2))
      .records(succeeded({ run: 2, attempt: 1 }))
  })

  test.each(['handler-error', 'permanent-error', 'timeout', 'payload-invalid', 'effect-in-doubt'] as const)(
    'ends cancelled when its handler threw, and is never retried: %s',
    (cause) => {
      given(submitted(), started(1), cancelRequested).when(fail(2, { cause })).records(cancelled('aborted'))
    },
  )

  test.each(['handler-error', 'timeout'] as const)('ends cancelled when its handler was cut off: %s', (cause) => {
    given(submitted(), started(1), cancelRequested)
      .when(fail(2, { cause, ending: 'cut-off' }))
      .records(cancelled('cut-off'))
  })

  test.each(['thrown', 'cut-off'] as const)('ends cancelled when it killed its process: %s', (ending) => {
    given(submitted(), started(1), cancelRequested)
      .when(fail(2, { cause: 'crash', ending }))
      .records(cancelled('crash'))
  })

  test('ends cancelled when its worker stops, and is not handed back', () => {
    given(submitted(), started(1), cancelRequested).when(release(2)).records(cancelled('shutdown'))
  })

  test('ends cancelled when its worker is lost', () => {
    given(submitted(), started(1), cancelRequested).when(declareLost(2)).records(cancelled('worker-lost'))
  })

  test('leaves a task that ended then, with its attempt spent', () => {
    expect(taskAfter(submitted(), started(1), cancelRequested, after(80, cancelled('aborted')))).toMatchObject({
      status: 'CANCELLED',
      version: 4,
      facts: { attempt: 1 },
      times: { finishedAt: at(80) },
    })
  })
})

describe('cancelling an ended task', () => {
  test('that is cancelled writes nothing', () => {
    given(submitted(), cancelled('requested')).when(cancel).recordsNothing()
  })

  test.each([
    { status: 'SUCCESS', end: succeeded({ run: 2, attempt: 1 }) },
    { status: 'FAILED', end: failedForGood({ run: 2, attempt: 1 }) },
  ] as const)('that is $status is refused', ({ status, end }) => {
    given(submitted(), started(1), end).when(cancel).isRefused({ code: 'not-cancellable', status })
  })
})
