import type { TaskEvent } from './events.ts'
import type { Phase } from './state.ts'

/** An event as the table tells them apart: by its type, and `Failed` and `Retried` by what they say besides. */
export type EventKind =
  | Exclude<TaskEvent['type'], 'Failed' | 'Retried'>
  | 'FailedForNow'
  | 'FailedForGood'
  | 'Retried'
  | 'Reopened'

interface Transition {
  readonly from: readonly Phase[]
  readonly to: Phase
}

/**
 * After which phases an event may follow, and the phase it leads to from each of them: all that can happen to a task.
 *
 * ```
 *                       ┌───────────────────────────── Reopened ──────────────────────────────┐
 *                       ▼                                                                     │
 * none ─ Submitted ─▶ waiting ───────────────────── Cancelled ─────────────────▶ cancelled ───┤
 *                      │ ▲  ▲                                                        ▲        │
 *                      │ │  └──── Retried ─── awaiting-retry                         │        │
 *              Started │ │                          ▲                                │        │
 *                      │ │ Released                 │ FailedForNow                   │        │
 *                      ▼ │                          │                                │        │
 *                     running ──────────────────────┘                                │        │
 *                      │ │ └── CancelRequested ─▶ cancelling ────── Cancelled ───────┘        │
 *                      │ │                           │ Succeeded                              │
 *                      │ │                           ▼                                        │
 *                      │ └──── Succeeded ───────▶ succeeded                                   │
 *                      └────── FailedForGood ───▶ failed ─────────────────────────────────────┘
 * ```
 *
 * Not drawn: `Rescheduled` leads from waiting to waiting, and what may follow waiting may follow awaiting-retry too.
 */
export const transitions: Readonly<Record<EventKind, Transition>> = {
  Submitted: { from: ['none'], to: 'waiting' },
  Started: { from: ['waiting', 'awaiting-retry'], to: 'running' },
  Succeeded: { from: ['running', 'cancelling'], to: 'succeeded' },
  FailedForNow: { from: ['running'], to: 'awaiting-retry' },
  FailedForGood: { from: ['running'], to: 'failed' },
  Retried: { from: ['awaiting-retry'], to: 'waiting' },
  Reopened: { from: ['failed', 'cancelled'], to: 'waiting' },
  Released: { from: ['running'], to: 'waiting' },
  Rescheduled: { from: ['waiting', 'awaiting-retry'], to: 'waiting' },
  CancelRequested: { from: ['running'], to: 'cancelling' },
  Cancelled: { from: ['waiting', 'awaiting-retry', 'cancelling'], to: 'cancelled' },
}

/** Whether `event` may follow in `phase`, as far as the table knows: run, version and attempts are judged by `evolve`. */
export const mayFollow = (phase: Phase, event: TaskEvent): boolean =>
  transitions[eventKindOf(event)].from.includes(phase)

export const eventKindOf = (event: TaskEvent): EventKind => {
  switch (event.type) {
    case 'Failed':
      return event.data.final ? 'FailedForGood' : 'FailedForNow'
    case 'Retried':
      return event.data.reopened ? 'Reopened' : 'Retried'
    case 'Submitted':
    case 'Started':
    case 'Succeeded':
    case 'Released':
    case 'Rescheduled':
    case 'CancelRequested':
    case 'Cancelled':
      return event.type
  }
}
