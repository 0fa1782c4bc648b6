import { describe, expect, test } from 'vitest'
import { fold, IllegalHistoryError } from '#domain/task/evolve.ts'
import type { TaskEvent } from '#domain/task/events.ts'
import { toTaskChange } from '#domain/task/change.ts'
import { type HeadChange, toHead, toHeadChange } from '#domain/task/head.ts'
import { readyInstant } from '#domain/time.ts'
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
import { after, recorded, type Step } from './support/history.ts'
import { appendId, epoch, incarnation, taskId } from './support/task-facts.ts'

describe('the head of a task', () => {
  test('says when a pending task is ready, and nothing of a run', () => {
    expect(toHead(taskAfter(submitted({ priority: 9 }, { delayMs: 500 })))).toEqual({
      taskId,
      version: 1,
      status: 'PENDING',
      queue: 'default',
      type: 'demo.echo',
      priority: 9,
      attempt: 0,
      run: undefined,
      claim: undefined,
      incarnation: undefined,
      readyAt: at(500),
      lastAt: epoch,
    })
  })

  test('says which run a running task is in and whose, and nothing of when it was ready', () => {
    expect(toHead(taskAfter(submitted(), after(70, started(1)), after(90, cancelRequested)))).toMatchObject({
      version: 3,
      status: 'PROCESSING',
      attempt: 1,
      run: 2,
      claim: appendId,
      incarnation,
      readyAt: undefined,
      lastAt: at(90),
    })
  })

  test.each([
    { status: 'SUCCESS', end: succeeded({ run: 2, attempt: 1 }) },
    { status: 'FAILED', end: failedForGood({ run: 2, attempt: 1 }) },
  ])('says of a task that is $status neither run nor readiness', ({ status, end }) => {
    expect(toHead(taskAfter(submitted(), started(1), after(80, end)))).toMatchObject({
      version: 3,
      status,
      attempt: 1,
      run: undefined,
      claim: undefined,
      incarnation: undefined,
      readyAt: undefined,
      lastAt: at(80),
    })
  })
})

describe('what an append makes of the head', () => {
  const change = (history: readonly Step[], ...events: readonly TaskEvent[]): HeadChange =>
    toHeadChange(toTaskChange(fold(recorded(...history)), { taskId, appendId }, events))

  test('of a submission leaves the instant open that only the store knows', () => {
    expect(change([], submitted({ priority: 9 }, { delayMs: 500 }))).toEqual({
      version: 1,
      status: 'PENDING',
      queue: 'default',
      type: 'demo.echo',
      priority: 9,
      attempt: 0,
      run: undefined,
      claim: undefined,
      incarnation: undefined,
      due: { delayMs: 500 },
    })
  })

  test('of a submission for an instant names it', () => {
    expect(change([], submitted({}, { runAt: at(500) })).due).toEqual({ runAt: at(500) })
  })

  test('of a start names the run and its worker', () => {
    expect(change([submitted()], started(1))).toMatchObject({
      version: 2,
      status: 'PROCESSING',
      attempt: 1,
      run: 2,
      claim: appendId,
      incarnation,
      due: undefined,
    })
  })

  test('of a failure with its retry is due after the back-off', () => {
    expect(change([submitted(), started(1)], failed({ run: 2, attempt: 1 }), retried(100))).toMatchObject({
      version: 4,
      status: 'PENDING',
      attempt: 1,
      run: undefined,
      claim: undefined,
      incarnation: undefined,
      due: { delayMs: 100 },
    })
  })

  test('of an attempt handed back is due when the task was ready before', () => {
    expect(
      change([submitted({}, { delayMs: 500 }), after(600, started(1))], released({ run: 2, attempt: 1 })),
    ).toMatchObject({ version: 3, status: 'PENDING', attempt: 0, due: { runAt: at(500) } })
  })

  test.each([
    { name: 'a delay', due: { delayMs: 5 } },
    { name: 'an instant', due: { runAt: at(5) } },
  ])('of a rescheduling by $name is due by that', ({ due }) => {
    expect(change([submitted()], rescheduled(due)).due).toEqual(due)
  })

  test('of a reopening is due at once', () => {
    expect(change([submitted(), cancelled('requested')], reopened).due).toEqual({ delayMs: 0 })
  })

  test.each([
    { events: [succeeded({ run: 2, attempt: 1 })], status: 'SUCCESS' },
    { events: [failedForGood({ run: 2, attempt: 1 })], status: 'FAILED' },
    { events: [cancelRequested, cancelled('aborted')], status: 'CANCELLED' },
    { events: [cancelRequested], status: 'PROCESSING' },
  ])('that is $status is never due', ({ events, status }) => {
    expect(change([submitted(), started(1)], ...events)).toMatchObject({ status, due: undefined })
  })

  test('goes by the last event that says when', () => {
    expect(change([], submitted({}, { delayMs: 500 }), rescheduled({ delayMs: 7 })).due).toEqual({ delayMs: 7 })
  })

  test('that cannot follow is refused', () => {
    expect(() => change([submitted()], reopened)).toThrow(IllegalHistoryError)
  })
})

describe('the instant something is due', () => {
  test('is counted from the recording, or absolute', () => {
    expect(readyInstant({ delayMs: 500 }, at(20))).toBe(at(520))
    expect(readyInstant({ runAt: at(7) }, at(20))).toBe(at(7))
    expect(readyInstant({ runAt: 0 }, at(20))).toBe(0)
  })
})
