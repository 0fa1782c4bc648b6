import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import type { Random } from '#application/ports/surroundings/identities.ts'
import type { Due } from '#domain/time.ts'
import { range } from '../../support/task-builders.ts'

/**
 * What several actors do to a few tasks, derived from a seed alone, without the expected outcome. Tasks and actors are named
 * by number; a number beyond the last one wraps around.
 */
export type Step =
  | { readonly kind: 'submit'; readonly submission: SubmissionChoice }
  /** By the actor the task runs under, if there is one and he is meant; else by the one named, who may have no run of it. */
  | {
      readonly kind: 'run-command'
      readonly action: RunAction
      readonly by: 'runner' | 'anybody'
      readonly actor: number
      readonly task: number
    }
  | { readonly kind: 'person'; readonly action: PersonAction; readonly task: number; readonly ifVersion?: number }
  /** Sends an append a second time that was sent before. */
  | { readonly kind: 'repeat'; readonly append: number }
  /** Sends the content of an earlier append as if it were new. */
  | { readonly kind: 'stale'; readonly append: number }
  /** Submits several tasks in one atomic call, together with an earlier append when the step says so. */
  | { readonly kind: 'together'; readonly submissions: readonly SubmissionChoice[]; readonly stale?: number }
  /** Steps on different tasks at the same moment. */
  | { readonly kind: 'at-once'; readonly action: 'start' | 'cancel'; readonly actor: number }

export type RunAction = 'start' | 'succeed' | 'fail' | 'fail-for-good' | 'fail-later' | 'crash' | 'release' | 'lose'
export type PersonAction = 'cancel' | 'retry' | 'run-now'

export interface SubmissionChoice {
  readonly priority: number
  readonly maxAttempts: number
  readonly payload: string
  /** Due at once or far ahead, so that both worlds agree on what is due although their clocks differ. */
  readonly due: 'at-once' | 'in-an-hour' | 'at-an-instant-past' | 'at-an-instant-ahead'
  /** One of a few key names, so that names repeat, and the request made under it. */
  readonly key?: { readonly name: string; readonly wish: string }
}

export const actorsMax = 3

export const makeProgram = (seed: number, length: number): readonly Step[] => {
  const random = createSeededRandom(seed)
  return [submit(random), submit(random), ...range(length).map(() => makeStep(random))]
}

const below = (random: Random, limit: number): number => Math.floor(random() * limit)

const pick = <Item>(random: Random, first: Item, ...rest: readonly Item[]): Item =>
  [first, ...rest][below(random, rest.length + 1)] ?? first

const tasksMax = 6

const makeStep = (random: Random): Step => {
  const dice = random()
  if (dice < 0.06) return submit(random)
  if (dice < 0.7) {
    const action = pick<RunAction>(
      random,
      ...([
        'start',
        'start',
        'start',
        'start',
        'start',
        'succeed',
        'fail',
        'fail',
        'fail-for-good',
        'fail-later',
      ] as const),
      ...(['crash', 'crash', 'release', 'lose', 'lose'] as const),
    )
    const by = pick(random, 'runner', 'runner', 'runner', 'runner', 'anybody')
    return { kind: 'run-command', action, by, actor: below(random, actorsMax), task: below(random, tasksMax) }
  }
  if (dice < 0.87) {
    const action = pick<PersonAction>(random, 'cancel', 'retry', 'retry', 'run-now', 'run-now')
    const step = { kind: 'person', action, task: below(random, tasksMax) } as const
    return random() < 0.2 ? { ...step, ifVersion: 1 + below(random, 6) } : step
  }
  if (dice < 0.91) return { kind: 'repeat', append: below(random, 1_000) }
  if (dice < 0.94) return { kind: 'stale', append: below(random, 1_000) }
  if (dice < 0.97) {
    const submissions = range(1 + below(random, 4)).map(() => chooseSubmission(random))
    return random() < 0.3
      ? { kind: 'together', submissions, stale: below(random, 1_000) }
      : { kind: 'together', submissions }
  }
  return { kind: 'at-once', action: pick(random, 'start', 'cancel'), actor: below(random, actorsMax) }
}

const submit = (random: Random): Step => ({ kind: 'submit', submission: chooseSubmission(random) })

const chooseSubmission = (random: Random): SubmissionChoice => ({
  priority: pick(random, -100, -1, 0, 0, 1, 100),
  maxAttempts: pick(random, 1, 2, 3),
  payload:
    random() < 0.1 ? pick(random, '"\\u0000"', '{"unfinished":') : pick(random, 'null', '{"b":1,"a":[1.0, "ü"]}'),
  due: pick(
    random,
    'at-once',
    'at-once',
    'at-once',
    'at-once',
    'in-an-hour',
    'at-an-instant-past',
    'at-an-instant-ahead',
  ),
  ...(random() < 0.4 && {
    key: { name: pick(random, 'one', 'two', 'three'), wish: pick(random, 'usual', 'usual', 'other') },
  }),
})

const anHourMs = 3_600_000

export const toDue = (choice: SubmissionChoice, epochMs: number): Due => {
  switch (choice.due) {
    case 'at-once':
      return { delayMs: 0 }
    case 'in-an-hour':
      return { delayMs: anHourMs }
    case 'at-an-instant-past':
      return { runAt: epochMs - anHourMs }
    case 'at-an-instant-ahead':
      return { runAt: epochMs + anHourMs }
  }
}
