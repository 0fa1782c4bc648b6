/**
 * The steps of the protocol, as the table of a simulation counts them: what a process was waiting for when something struck.
 * `submit` to `feed` are calls of a store or queue; `run` is a handler at work, and `effect` its call of the world outside.
 */
export const steps = [
  'submit',
  'change',
  'announce',
  'pull',
  'load',
  'start',
  'run',
  'claim',
  'effect',
  'complete',
  'finish',
  'release',
  'register',
  'beat',
  'sweep',
  'recover',
  'reconcile',
  'hurry',
  'cancels',
  'repair',
  'drain',
  'query',
] as const

export type Step = (typeof steps)[number]

const indexOfStep: ReadonlyMap<Step, number> = new Map(steps.map((step, index) => [step, index]))

/** What may strike. Each kind has chances of its own in each course, and is left out of about half of them. */
export const faultKinds = [
  'request-lost',
  'reply-lost',
  'delay',
  'kill',
  'pause',
  'blocked-loop',
  'beats-lost',
  'database-clock',
  'host-clock',
  'database-away',
  'failover',
  'slow-disk',
  'held-heads',
  'queue-away',
  'queue-wiped',
  'queue-resurrects',
  'queue-repeats',
  'poison',
  'escape',
  'people',
  'drain',
  'old-nodes',
] as const

export type FaultKind = (typeof faultKinds)[number]

const indexOfFault: ReadonlyMap<FaultKind, number> = new Map(faultKinds.map((kind, index) => [kind, index]))

/** How often each kind of fault met each step. */
export interface Meetings {
  note(kind: FaultKind, step: Step): void
  of(kind: FaultKind, step: Step): number
  /** Adds the counts of another course, given as `counts` gives them. */
  add(counts: readonly number[]): void
  /** Kind by kind, each in the order of the steps. */
  counts(): readonly number[]
}

export const createMeetings = (): Meetings => {
  const table = Array.from({ length: faultKinds.length * steps.length }, () => 0)
  const placeOf = (kind: FaultKind, step: Step): number =>
    (indexOfFault.get(kind) ?? 0) * steps.length + (indexOfStep.get(step) ?? 0)
  return {
    note: (kind, step) => {
      const place = placeOf(kind, step)
      table[place] = (table[place] ?? 0) + 1
    },
    of: (kind, step) => table[placeOf(kind, step)] ?? 0,
    add: (counts) => {
      for (const [place, count] of counts.entries()) table[place] = (table[place] ?? 0) + count
    },
    counts: () => table,
  }
}
