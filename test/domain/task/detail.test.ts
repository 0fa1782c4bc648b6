import { describe, expect, test } from 'vitest'
import { detailOf, isEnded, type TaskDetail } from '#domain/task/state.ts'
import type { FailureCause } from '#domain/task/events.ts'
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
import { at, taskAfter } from './support/given.ts'
import { after, type Step } from './support/history.ts'

describe('a task over time', () => {
  const detailAt = (ms: number, ...history: readonly Step[]): TaskDetail => detailOf(taskAfter(...history), at(ms))

  test('that is due at once is ready', () => {
    expect(detailAt(0, submitted())).toBe('ready')
  })

  test('is scheduled until the instant it is ready, and ready from then on, without any event', () => {
    const history = submitted({}, { delayMs: 500 })

    expect(detailAt(0, history)).toBe('scheduled')
    expect(detailAt(499, history)).toBe('scheduled')
    expect(detailAt(500, history)).toBe('ready')
    expect(detailAt(999_999, history)).toBe('ready')
  })

  test('that was submitted for the past is ready', () => {
    expect(detailAt(0, submitted({}, { runAt: at(-1) }))).toBe('ready')
  })

  test('is retrying until its back-off is over, then ready', () => {
    const history = [submitted(), started(1), after(1_000, failed({ run: 2, attempt: 1 })), retried(100)]

    expect(detailAt(1_000, ...history)).toBe('retrying')
    expect(detailAt(1_099, ...history)).toBe('retrying')
    expect(detailAt(1_100, ...history)).toBe('ready')
  })

  test('is retrying between a failure and its retry, however late it is judged', () => {
    expect(detailAt(999_999, submitted(), started(1), failed({ run: 2, attempt: 1 }))).toBe('retrying')
  })

  test('that failed before and was put off by a person is retrying', () => {
    const history = [submitted(), started(1), failed({ run: 2, attempt: 1 }), retried(0)]

    expect(detailAt(0, ...history, rescheduled({ delayMs: 500 }))).toBe('retrying')
  })

  test('that was tried before a person opened it again and put it off is retrying', () => {
    const history = [submitted({ maxAttempts: 1 }), started(1), failedForGood({ run: 2, attempt: 1 }), reopened]

    expect(detailAt(0, ...history, rescheduled({ delayMs: 500 }))).toBe('retrying')
  })

  test('that was handed back unspent is ready', () => {
    expect(
      detailAt(700, submitted({}, { delayMs: 500 }), after(600, started(1)), released({ run: 2, attempt: 1 })),
    ).toBe('ready')
  })

  test('that never ran and was put off by a person is scheduled', () => {
    expect(detailAt(0, submitted(), rescheduled({ delayMs: 500 }))).toBe('scheduled')
  })

  test('is running, then cancelling, then cancelled', () => {
    const running = [submitted(), started(1)]

    expect(detailAt(0, ...running)).toBe('running')
    expect(detailAt(0, ...running, cancelRequested)).toBe('cancelling')
    expect(detailAt(0, ...running, cancelRequested, cancelled('aborted'))).toBe('cancelled')
  })

  test('is ready again as soon as a person opened it', () => {
    expect(detailAt(0, submitted(), cancelled('requested'), reopened)).toBe('ready')
  })

  test('that succeeded stays so', () => {
    expect(detailAt(999_999, submitted(), started(1), succeeded({ run: 2, attempt: 1 }))).toBe('succeeded')
  })
})

describe('a failed task', () => {
  const onceFailedBy = (cause: FailureCause) =>
    taskAfter(submitted({ maxAttempts: 1 }), started(1), failedForGood({ run: 2, attempt: 1, cause }))

  test.each([
    ['handler-error', 'attempts-exhausted'],
    ['timeout', 'attempts-exhausted'],
    ['worker-lost', 'attempts-exhausted'],
    ['crash', 'attempts-exhausted'],
    ['permanent-error', 'permanent-error'],
    ['payload-invalid', 'payload-invalid'],
    ['effect-in-doubt', 'effect-in-doubt'],
    ['effect-changed', 'effect-changed'],
  ] as const)('that ended by %s shows %s', (cause, detail) => {
    expect(detailOf(onceFailedBy(cause), at(0))).toBe(detail)
  })

  const crashedOnce = [submitted(), started(1), failed({ run: 2, attempt: 1, cause: 'crash' }), retried(0), started(2)]

  test('that ended by its second crash shows a crash loop', () => {
    const task = taskAfter(...crashedOnce, failedForGood({ run: 5, attempt: 2, cause: 'crash' }))

    expect(detailOf(task, at(0))).toBe('crash-loop')
  })

  test('that crashed once and then ran out of attempts shows that', () => {
    const task = taskAfter(...crashedOnce, failedForGood({ run: 5, attempt: 2, cause: 'timeout' }))

    expect(detailOf(task, at(0))).toBe('attempts-exhausted')
  })

  test('that crashed once before and once after a reopening is in no loop', () => {
    const task = taskAfter(
      ...crashedOnce,
      failedForGood({ run: 5, attempt: 2 }),
      reopened,
      started(3),
      failedForGood({ run: 8, attempt: 3, cause: 'crash' }),
    )

    expect(detailOf(task, at(0))).toBe('attempts-exhausted')
  })
})

describe('whether only a person can move a task', () => {
  test.each([
    { name: 'pending', history: [], ended: false },
    { name: 'running', history: [started(1)], ended: false },
    { name: 'cancelling', history: [started(1), cancelRequested], ended: false },
    { name: 'succeeded', history: [started(1), succeeded({ run: 2, attempt: 1 })], ended: true },
    { name: 'failed', history: [started(1), failedForGood({ run: 2, attempt: 1 })], ended: true },
    { name: 'cancelled', history: [cancelled('requested')], ended: true },
  ])('is $ended for one that is $name', ({ history, ended }) => {
    expect(isEnded(taskAfter(submitted(), ...history))).toBe(ended)
  })
})
