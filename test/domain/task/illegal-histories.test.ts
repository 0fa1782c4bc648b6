import { describe, expect, test } from 'vitest'
import { evolve, fold, IllegalHistoryError } from '#domain/task/evolve.ts'
import type { TaskEvent } from '#domain/task/events.ts'
import { noTask } from '#domain/task/state.ts'
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
import { given } from './support/given.ts'
import { recorded } from './support/history.ts'
import { otherTaskId } from './support/task-facts.ts'

/** One event of every kind, as it would follow a first start. */
const oneOfEach: readonly TaskEvent[] = [
  submitted(),
  started(1),
  failed({ run: 2, attempt: 1 }),
  failedForGood({ run: 2, attempt: 1 }),
  retried(0),
  reopened,
  succeeded({ run: 2, attempt: 1 }),
  released({ run: 2, attempt: 1 }),
  rescheduled(),
  cancelRequested,
  cancelled('requested'),
]

const except = (...allowed: readonly TaskEvent[]): readonly TaskEvent[] =>
  oneOfEach.filter((event) => !allowed.some((other) => JSON.stringify(other) === JSON.stringify(event)))

describe('a stream', () => {
  test.each(except(submitted()))('does not begin with $type $data', (event) => {
    given().cannotBeFollowedBy(event)
  })
})

describe('a pending task', () => {
  const pending = given(submitted())

  test.each(except(started(1), rescheduled(), cancelled('requested')))('is not followed by $type $data', (event) => {
    pending.cannotBeFollowedBy(event)
  })

  test('that has no attempt left is not followed by another start', () => {
    given(submitted({ maxAttempts: 1 }), started(1), failed({ run: 2, attempt: 1 }), retried(0)).cannotBeFollowedBy(
      started(2),
    )
  })

  test('that was retried is not retried again', () => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(0)).cannotBeFollowedBy(retried(0))
  })

  test('that failed and was rescheduled is not retried after that', () => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 }), rescheduled()).cannotBeFollowedBy(retried(0))
  })

  test('that failed for now is not opened again by a person', () => {
    given(submitted(), started(1), failed({ run: 2, attempt: 1 })).cannotBeFollowedBy(reopened)
  })
})

describe('a running task', () => {
  test.each(
    except(
      succeeded({ run: 2, attempt: 1 }),
      failed({ run: 2, attempt: 1 }),
      failedForGood({ run: 2, attempt: 1 }),
      released({ run: 2, attempt: 1 }),
      cancelRequested,
    ),
  )('is not followed by $type $data', (event) => {
    given(submitted(), started(1)).cannotBeFollowedBy(event)
  })

  test.each([
    succeeded({ run: 2, attempt: 1 }),
    failed({ run: 2, attempt: 1 }),
    failedForGood({ run: 2, attempt: 1 }),
    released({ run: 2, attempt: 1 }),
  ])('is not ended by an earlier run: $type $data', (event) => {
    given(submitted(), started(1), released({ run: 2, attempt: 1 }), started(1)).cannotBeFollowedBy(event)
  })
})

describe('a cancelling task', () => {
  test.each(except(succeeded({ run: 2, attempt: 1 }), cancelled('requested')))(
    'is not followed by $type $data',
    (event) => {
      given(submitted(), started(1), cancelRequested).cannotBeFollowedBy(event)
    },
  )

  test('is not ended by an earlier run', () => {
    given(submitted(), started(1), released({ run: 2, attempt: 1 }), started(1), cancelRequested).cannotBeFollowedBy(
      succeeded({ run: 2, attempt: 1 }),
    )
  })
})

describe('an ended task', () => {
  test.each(oneOfEach)('that succeeded is not followed by $type $data', (event) => {
    given(submitted(), started(1), succeeded({ run: 2, attempt: 1 })).cannotBeFollowedBy(event)
  })

  test.each(except(reopened))('that failed is not followed by $type $data', (event) => {
    given(submitted(), started(1), failedForGood({ run: 2, attempt: 1 })).cannotBeFollowedBy(event)
  })

  test.each(except(reopened))('that was cancelled is not followed by $type $data', (event) => {
    given(submitted(), cancelled('requested')).cannotBeFollowedBy(event)
  })
})

describe('an event', () => {
  const [first, second] = recorded(submitted(), started(1))
  if (first === undefined || second === undefined) throw new RangeError('two events were recorded')

  test.each([0, 1, 3])('of version %i does not follow version 1: a stream has no hole and no repeat', (version) => {
    expect(() => evolve(fold([first]), { ...second, version })).toThrow(IllegalHistoryError)
    expect(() => evolve(fold([first]), { ...second, version })).toThrow(
      expect.objectContaining({ name: 'IllegalHistoryError', code: 'illegal-history', taskId: first.taskId }),
    )
  })

  test.each([0, 2])('of version %i does not begin a stream', (version) => {
    expect(() => evolve(noTask, { ...first, version })).toThrow(IllegalHistoryError)
  })

  test('of another task does not follow', () => {
    expect(() => fold([first, { ...second, taskId: otherTaskId }])).toThrow(IllegalHistoryError)
  })

  test('that cannot follow is reported with what it should have followed', () => {
    const [, reopening] = recorded(submitted(), reopened)
    if (reopening === undefined) throw new RangeError('two events were recorded')

    expect(() => fold([first, reopening])).toThrow(
      expect.objectContaining({
        code: 'illegal-history',
        message: `Retried v2 of ${first.taskId} cannot follow PENDING v1`,
      }),
    )
  })
})
