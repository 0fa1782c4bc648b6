import type { Random } from '#application/ports/surroundings/identities.ts'
import { createSequence, type Plan } from '../course/plan.ts'
import { end, type Host, stepsUnderWay } from './host.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { createMeetings, type FaultKind, type Meetings, type Step } from './steps.ts'

/** About as long as most calls are under way. */
const ambushMsMax = 4

/** What all parts of one course share. */
export interface World {
  readonly plan: Plan
  readonly scheduler: Scheduler
  readonly meetings: Meetings
  readonly hosts: readonly Host[]
  add(host: Host): void
  /** Whether a fault of that kind strikes now, `perStrength` often at full strength. Draws from a sequence of its own. */
  strikes(kind: FaultKind, perStrength: number): boolean
  /** In [0, 1), from the sequence of that kind. */
  chance(kind: FaultKind): number
  /** Of the network, the disks and all else that is no fault. */
  readonly random: Random
  /** Notes that a fault met these steps, or those that are under way on all hosts. */
  met(kind: FaultKind, steps?: Iterable<Step>): void
  /** Counts a step of a process as under way until the answer is called; springs the ambushes that lie in wait for it. */
  begin(host: Host, step: Step): () => void
  /** Strikes while the first step of that kind is under way that begins from now on, in the process it belongs to. */
  ambush(step: Step, strike: (host: Host) => void): void
  /** Whether faults strike: from the first step until `calm`. */
  isStormy(): boolean
  calm(): void
  /** One line of the story, told only when somebody listens. */
  tell(who: string, what: () => string): void
  /** Ends the course: a promise was broken. */
  breach(what: string): void
  readonly breaches: readonly string[]
}

export interface StoryLine {
  readonly atMs: number
  readonly who: string
  readonly what: string
}

export const createWorld = (plan: Plan, listener: ((line: StoryLine) => void) | undefined): World => {
  const scheduler = createScheduler()
  const meetings = createMeetings()
  const hosts: Host[] = []
  const breaches: string[] = []
  const sequences = new Map<FaultKind, Random>()
  let weather: 'stormy' | 'calm' = 'stormy'

  const chance = (kind: FaultKind): number => {
    const sequence = sequences.get(kind) ?? createSequence(plan.seed, kind)
    sequences.set(kind, sequence)
    return sequence()
  }
  const ambushes: { readonly step: Step; readonly strike: (host: Host) => void }[] = []
  const random = createSequence(plan.seed, 'world')

  const spring = (host: Host, step: Step): void => {
    const place = ambushes.findIndex((ambush) => ambush.step === step)
    const [sprung] = place < 0 ? [] : ambushes.splice(place, 1)
    if (sprung === undefined || weather === 'calm') return
    scheduler.after(random() * ambushMsMax, undefined, 'ambush', () => sprung.strike(host))
  }

  const tell: World['tell'] = (who, what) => listener?.({ atMs: scheduler.nowMs(), who, what: what() })

  return {
    plan,
    scheduler,
    meetings,
    hosts,
    add: (host) => void hosts.push(host),
    strikes: (kind, perStrength) => {
      const strength = weather === 'stormy' ? plan.faults.get(kind) : undefined
      return strength !== undefined && chance(kind) < strength * perStrength
    },
    chance,
    random,
    begin: (host, step) => {
      host.underWay.set(step, (host.underWay.get(step) ?? 0) + 1)
      if (ambushes.length > 0) spring(host, step)
      return () => void host.underWay.set(step, (host.underWay.get(step) ?? 0) - 1)
    },
    ambush: (step, strike) => void ambushes.push({ step, strike }),
    met: (kind, steps = hosts.flatMap(stepsUnderWay)) => {
      for (const step of steps) meetings.note(kind, step)
    },
    isStormy: () => weather === 'stormy',
    calm: () => {
      weather = 'calm'
    },
    tell,
    breach: (what) => {
      breaches.push(what)
      tell('judge', () => `BROKEN: ${what}`)
    },
    breaches,
  }
}

/** Kills a process: nothing reaches it any more. What it has sent goes its way. */
export const kill = (world: World, host: Host, kind: FaultKind = 'kill'): void => {
  if (host.state === 'dead') return
  world.met(kind, stepsUnderWay(host))
  end(host)
  world.tell('fault', () => `${host.name} is killed (${kind})`)
}

export const pause = (world: World, host: Host, kind: FaultKind = 'pause'): void => {
  if (host.state !== 'awake') return
  world.met(kind, stepsUnderWay(host))
  host.state = 'paused'
  host.stoppedAtMs = world.scheduler.nowMs()
  // Of a process whose event loop stands still, the thread that beats goes on.
  if (host.heart !== undefined && kind === 'pause') host.heart.state = 'paused'
  world.tell('fault', () => `${host.name} stands still (${kind})`)
}

export const resume = (world: World, host: Host): void => {
  if (host.state !== 'paused') return
  host.state = 'awake'
  world.scheduler.releaseHeld(host)
  if (host.heart?.state === 'paused') {
    host.heart.state = 'awake'
    world.scheduler.releaseHeld(host.heart)
  }
  world.tell('fault', () => `${host.name} goes on`)
}
