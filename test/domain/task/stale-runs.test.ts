import { describe, test } from 'vitest'
import { declareLost, fail, release, succeed } from './support/commands.ts'
import {
  cancelled,
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
import { given } from './support/given.ts'

const ofRun = (run: number) => [succeed(run), fail(run), fail(run, { cause: 'crash' }), release(run), declareLost(run)]

describe('a worker whose run was replaced', () => {
  const replaced = given(submitted(), started(1), released({ run: 2, attempt: 1 }), started(1))

  test.each(ofRun(2))('is refused its $type', (command) => {
    replaced.when(command).isRefused({ code: 'stale-run', status: 'PROCESSING' })
  })

  test.each(ofRun(5))('cannot speak for a run that did not begin yet: $type', (command) => {
    replaced.when(command).isRefused({ code: 'stale-run', status: 'PROCESSING' })
  })
})

describe('a worker whose task is no longer running', () => {
  test.each(ofRun(2))('is refused its $type of a pending task', (command) => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(100))
      .when(command)
      .isRefused({ code: 'stale-run', status: 'PENDING' })
  })

  test.each([
    ...ofRun(2).map((command) => ({ command, status: 'SUCCESS' as const, end: succeeded({ run: 2, attempt: 1 }) })),
    ...ofRun(2).map((command) => ({ command, status: 'FAILED' as const, end: failedForGood({ run: 2, attempt: 1 }) })),
  ])('is refused its $command.type of a task that is $status', ({ command, status, end }) => {
    given(submitted({ maxAttempts: 1 }), started(1), end)
      .when(command)
      .isRefused({ code: 'stale-run', status })
  })

  test.each(ofRun(2))('is refused its $type of a cancelled task', (command) => {
    given(submitted(), started(1), cancelRequested, cancelled('aborted'))
      .when(command)
      .isRefused({ code: 'stale-run', status: 'CANCELLED' })
  })

  test.each(ofRun(2))('is refused its $type of a task that a person opened again', (command) => {
    given(submitted(), started(1), cancelRequested, cancelled('aborted'), reopened)
      .when(command)
      .isRefused({ code: 'stale-run', status: 'PENDING' })
  })
})

describe('a cancellation in between', () => {
  test.each(ofRun(3))('makes no new run: $type of its version is refused', (command) => {
    given(submitted(), started(1), cancelRequested).when(command).isRefused({ code: 'stale-run', status: 'PROCESSING' })
  })
})
