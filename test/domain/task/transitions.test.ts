import { describe, expect, test } from 'vitest'
import { evolve, fold, IllegalHistoryError } from '#domain/task/evolve.ts'
import type { TaskEvent } from '#domain/task/events.ts'
import type { Phase } from '#domain/task/state.ts'
import { eventKindOf, transitions } from '#domain/task/transitions.ts'
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
import { recorded, type Step } from './support/history.ts'

const run = { run: 2, attempt: 1 }

/** A history that leads to each phase. The run in force, where there is one, is 2. */
const situations: readonly { readonly phase: Phase; readonly history: readonly Step[] }[] = [
  { phase: 'none', history: [] },
  { phase: 'waiting', history: [submitted()] },
  { phase: 'awaiting-retry', history: [submitted(), started(1), failed(run)] },
  { phase: 'running', history: [submitted(), started(1)] },
  { phase: 'cancelling', history: [submitted(), started(1), cancelRequested] },
  { phase: 'succeeded', history: [submitted(), started(1), succeeded(run)] },
  { phase: 'failed', history: [submitted(), started(1), failedForGood(run)] },
  { phase: 'cancelled', history: [submitted(), cancelled('requested')] },
]

/** One event of each kind. */
const events: readonly TaskEvent[] = [
  submitted(),
  started(1),
  succeeded(run),
  failed(run),
  failedForGood(run),
  retried(0),
  reopened,
  released(run),
  rescheduled(),
  cancelRequested,
  cancelled('requested'),
]

/** The phase that `event` leads to by a real fold; undefined when the fold refuses it. */
const foldedPhase = (history: readonly Step[], event: TaskEvent): Phase | undefined => {
  const next = recorded(...history, event).at(-1)
  if (next === undefined) throw new RangeError('no event was recorded')
  try {
    return evolve(fold(recorded(...history)), next).phase
  } catch (error) {
    if (error instanceof IllegalHistoryError) return undefined
    throw error
  }
}

const distinct = (words: readonly string[]): readonly string[] => [...new Set(words)].toSorted()

describe('the table of transitions', () => {
  test('is walked from every phase, by every kind of event', () => {
    const rows = Object.values(transitions)

    expect(distinct(situations.map(({ phase }) => phase))).toEqual(
      distinct(rows.flatMap(({ from, to }) => [...from, to])),
    )
    expect(distinct(events.map(eventKindOf))).toEqual(distinct(Object.keys(transitions)))
  })

  describe.each(situations)('in phase $phase', ({ phase, history }) => {
    test('begins with a history that leads there', () => {
      expect(fold(recorded(...history)).phase).toBe(phase)
    })

    test.each(events.map((event) => ({ kind: eventKindOf(event), event })))(
      'says of $kind what the fold says',
      ({ kind, event }) => {
        const { from, to } = transitions[kind]

        expect(foldedPhase(history, event)).toBe(from.includes(phase) ? to : undefined)
      },
    )
  })
})
