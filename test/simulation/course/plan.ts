import type { Random } from '#application/ports/surroundings/identities.ts'
import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import { type FaultKind, faultKinds } from '../world/steps.ts'

/** What is left out of a course, to find the least that still fails. */
export interface Cuts {
  readonly tasksMax?: number
  readonly workersMax?: number
  readonly windowMsMax?: number
  readonly without?: readonly FaultKind[]
}

export interface CourseRequest extends Cuts {
  readonly seed: number
}

/** One call of a handler's own doing. */
export type Act =
  | { readonly kind: 'wait'; readonly ms: number; readonly heeds: 'signal' | 'nothing' }
  | { readonly kind: 'effect'; readonly name: string; readonly mode: EffectKind; readonly onError: 'throw' | 'repeat' }

/** The mode of an effect; `reconciled` is `once` with a receiver that can be asked. */
export type EffectKind = 'idempotent' | 'once' | 'reconciled' | 'verify'

export type Ending = 'return' | 'throw' | 'permanent' | 'later' | 'escape' | 'unstorable' | 'refused'

/** What a handler does in one attempt. */
export interface Script {
  readonly acts: readonly Act[]
  readonly ending: Ending
}

export interface PlannedTask {
  readonly atMs: number
  readonly type: 'work' | 'novel'
  readonly queue: string
  readonly key: string | undefined
  readonly priority: number
  readonly maxAttempts: number
  readonly timeoutMs: number
  readonly due: 'now' | 'delayed' | 'at-instant'
  readonly dueMs: number
  readonly retryBaseMs: number
  /** By attempt; the last one stands for all that follow. */
  readonly scripts: readonly Script[]
}

export interface Plan {
  readonly seed: number
  readonly tasks: readonly PlannedTask[]
  readonly apis: number
  readonly workers: number
  readonly maintainers: number
  /** Until then faults strike. */
  readonly windowMs: number
  /** How hard each fault strikes, in (0, 1]; those that do not are not in it. */
  readonly faults: ReadonlyMap<FaultKind, number>
}

const windowMs = { least: 8_000, most: 40_000 }
const tasksMax = 14

/** A sequence of its own for each concern, so that leaving one out changes as little as possible of the others. */
export const createSequence = (seed: number, concern: string): Random => {
  let mixed = 0x811c_9dc5
  for (const letter of concern) mixed = Math.imul(mixed ^ (letter.codePointAt(0) ?? 0), 0x0100_0193) >>> 0
  return createSeededRandom(seed * 0x1_0000 + (mixed % 0x1_0000))
}

const between = (random: Random, least: number, most: number): number => least + random() * (most - least)
const oneOf = <Item>(random: Random, first: Item, ...others: readonly Item[]): Item =>
  others[Math.floor(random() * (others.length + 1)) - 1] ?? first

/** Everything that a course is made of, from its seed alone. A tenth of all seeds know no fault. */
export const planCourse = ({ seed, ...cuts }: CourseRequest): Plan => {
  const random = createSequence(seed, 'plan')
  const faults = chooseFaults(random, cuts.without ?? [])
  const long = between(random, windowMs.least, windowMs.most)
  const tasks = 1 + Math.floor(random() ** 2 * tasksMax)
  const workers = 1 + Math.floor(random() * 3)
  const apis = random() < 0.6 ? 1 : 2
  const maintainers = random() < 0.5 ? 0 : 1
  const ending = Math.min(long, cuts.windowMsMax ?? long)
  return {
    seed,
    tasks: Array.from({ length: tasks }, (_, index) => planTask(createSequence(seed, `task ${index}`), faults, long))
      .filter(({ atMs }) => atMs <= ending)
      .slice(0, cuts.tasksMax ?? tasks),
    apis,
    workers: Math.min(workers, cuts.workersMax ?? workers),
    maintainers,
    windowMs: ending,
    faults,
  }
}

const faultlessShare = 0.1

const chooseFaults = (random: Random, without: readonly FaultKind[]): ReadonlyMap<FaultKind, number> => {
  const isFaultless = random() < faultlessShare
  const share = between(random, 0.1, 0.7)
  const faults = new Map<FaultKind, number>()
  for (const kind of faultKinds) {
    const strikes = random() < share
    const strength = between(random, 0.05, 1)
    if (strikes && !isFaultless && !without.includes(kind)) faults.set(kind, strength)
  }
  return faults
}

const planTask = (random: Random, faults: ReadonlyMap<FaultKind, number>, long: number): PlannedTask => ({
  atMs: random() * long * 0.8,
  type: faults.has('old-nodes') && random() < 0.5 ? 'novel' : 'work',
  queue: random() < 0.3 ? 'named' : `queue-${Math.floor(random() * 3)}`,
  key: random() < 0.6 ? `key-${Math.floor(random() * 1e9)}` : undefined,
  priority: Math.floor(random() * 4),
  maxAttempts: 1 + Math.floor(random() * 4),
  timeoutMs: 500 + Math.floor(random() * 7_500),
  due: oneOf(random, 'now', 'now', 'now', 'delayed', 'at-instant'),
  dueMs: Math.floor(random() * 6_000),
  retryBaseMs: 100 + Math.floor(random() * 900),
  scripts: Array.from({ length: 1 + Math.floor(random() * 4) }, () => planScript(random, faults)),
})

const planScript = (random: Random, faults: ReadonlyMap<FaultKind, number>): Script => ({
  acts: Array.from({ length: Math.floor(random() * 4) }, (): Act =>
    random() < 0.5
      ? planEffect(random)
      : {
          kind: 'wait',
          ms: random() < 0.8 ? random() * 1_500 : random() * 12_000,
          heeds: random() < 0.7 ? 'signal' : 'nothing',
        },
  ),
  ending: planEnding(random, faults),
})

/** One name has one mode: another would be a mistake of the handler. */
const planEffect = (random: Random): Act => {
  const mode = oneOf(random, 'idempotent', 'once', 'reconciled', 'verify')
  return {
    kind: 'effect',
    name: `${mode}-${Math.floor(random() * 2)}`,
    mode,
    onError: random() < 0.7 ? 'throw' : 'repeat',
  }
}

const planEnding = (random: Random, faults: ReadonlyMap<FaultKind, number>): Ending => {
  const chance = random()
  if (chance < 0.1 * (faults.get('escape') ?? 0)) return 'escape'
  if (chance > 1 - 0.2 * (faults.get('poison') ?? 0)) return oneOf(random, 'unstorable', 'refused')
  if (chance < 0.2) return 'throw'
  if (chance < 0.24) return 'permanent'
  return chance < 0.3 ? 'later' : 'return'
}
