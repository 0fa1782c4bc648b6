import { describe, expect, test } from 'vitest'
import { fold, IllegalHistoryError } from '#domain/task/evolve.ts'
import { detailOf } from '#domain/task/state.ts'
import { toTimeline } from '#domain/task/timeline.ts'
import { failed, reopened, retried, started, submitted, succeeded } from './support/events.ts'
import { at } from './support/given.ts'
import { after, recorded } from './support/history.ts'

describe('the timeline of a task', () => {
  const events = recorded(
    submitted({}, { delayMs: 10 }),
    after(20, started(1)),
    after(50, failed({ run: 2, attempt: 1 })),
    after(50, retried(100)),
    after(150, started(2)),
    after(180, succeeded({ run: 5, attempt: 2 })),
  )

  test('says of each event what the task was then', () => {
    const lines = toTimeline(events).map(({ event, stateAfter }) => [
      event.version,
      event.type,
      stateAfter.status,
      detailOf(stateAfter, event.recordedAt),
      stateAfter.facts.attempt,
    ])

    expect(lines).toEqual([
      [1, 'Submitted', 'PENDING', 'scheduled', 0],
      [2, 'Started', 'PROCESSING', 'running', 1],
      [3, 'Failed', 'PENDING', 'retrying', 1],
      [4, 'Retried', 'PENDING', 'retrying', 1],
      [5, 'Started', 'PROCESSING', 'running', 2],
      [6, 'Succeeded', 'SUCCESS', 'succeeded', 2],
    ])
  })

  test.each([
    [0, 'scheduled'],
    [9, 'scheduled'],
    [10, 'ready'],
    [20, 'running'],
    [50, 'retrying'],
    [149, 'retrying'],
    [150, 'running'],
    [9_999, 'succeeded'],
  ])('shows the task as of %i ms after its submission, judged at that instant', (ms, detail) => {
    const then = toTimeline(events).findLast(({ event }) => event.recordedAt <= at(ms))

    expect(then && detailOf(then.stateAfter, at(ms))).toBe(detail)
  })

  test('keeps the events as they were recorded', () => {
    expect(toTimeline(events).map(({ event }) => event)).toEqual(events)
  })

  test('ends with the state that the fold gives', () => {
    expect(toTimeline(events).at(-1)?.stateAfter).toEqual(fold(events))
    expect(fold(events)).toMatchObject({ version: 6, times: { changedAt: at(180) } })
  })

  test('of no events is empty', () => {
    expect(toTimeline([])).toEqual([])
  })

  test('of a damaged stream is refused, not guessed', () => {
    expect(() => toTimeline(recorded(submitted(), reopened))).toThrow(IllegalHistoryError)
  })
})
