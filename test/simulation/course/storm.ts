import { kill, pause, resume } from '../world/world.ts'
import type { Host } from '../world/host.ts'
import type { Server } from '../world/network.ts'
import { type FaultKind, faultKinds, steps } from '../world/steps.ts'
import type { Clients } from './clients.ts'
import type { Course } from './course.ts'
import type { Fleet } from './fleet.ts'
import { createSequence } from './plan.ts'

const hourMs = 3_600_000
const clockStepMs = 3 * hourMs
const pausedMs = 14_000
const blockedMs = 12_000
const awayMs = 9_000
const copyAgeMs = 5_000
const beatsLostMs = 12_000
/** Until somebody notices that a standby was promoted: behind a pooler, which hides new connections. */
const noticeMs = 3_000
const strikesMax = 4

interface Stage {
  readonly course: Course
  readonly fleet: Fleet
  readonly clients: Clients
}

type Strike = (host: Host | undefined) => void

/** Plans when each fault of the course strikes: at an instant, or while a certain step is under way. */
export const brewStorm = (stage: Stage): void => {
  const { world } = stage.course
  const { plan, scheduler } = world
  const strikes = createStrikes(stage)
  for (const kind of faultKinds) {
    const strike = strikes[kind]
    const strength = plan.faults.get(kind)
    if (strength === undefined || strike === undefined) continue
    const random = createSequence(plan.seed, `storm ${kind}`)
    const count = 1 + Math.floor(random() * strength * (kind === 'people' ? 4 * strikesMax : strikesMax))
    for (let turn = 0; turn < count; turn += 1) {
      const atMs = random() * plan.windowMs
      const step = random() < 0.6 ? steps[Math.floor(random() * steps.length)] : undefined
      scheduler.after(atMs, undefined, kind, () => {
        if (step === undefined) strike(undefined)
        else world.ambush(step, strike)
      })
    }
  }
}

const createStrikes = (stage: Stage): Partial<Record<FaultKind, Strike>> => {
  const { course, fleet, clients } = stage
  const { world, database, queue } = course
  const stand =
    (kind: 'pause' | 'blocked-loop', mostMs: number): Strike =>
    (host) => {
      const struck = host ?? fleet.pick()
      if (struck === undefined || !world.isStormy()) return
      pause(world, struck, kind)
      world.scheduler.after(world.chance(kind) * mostMs, undefined, 'resume', () => resume(world, struck))
    }
  return {
    kill: (host) => {
      const struck = host ?? fleet.pick()
      if (struck === undefined) return
      kill(world, struck)
    },
    pause: stand('pause', pausedMs),
    'blocked-loop': stand('blocked-loop', blockedMs),
    'beats-lost': (host) => {
      const struck = host ?? fleet.pick()
      if (struck === undefined) return
      world.met('beats-lost')
      world.tell('fault', () => `the beats of ${struck.name} get lost`)
      struck.beats = 'lost'
      world.scheduler.after(world.chance('beats-lost') * beatsLostMs, undefined, 'beats', () => {
        struck.beats = 'arrive'
      })
    },
    'database-clock': () => {
      const byMs = Math.floor((world.chance('database-clock') * 2 - 1) * clockStepMs)
      world.met('database-clock')
      world.tell('fault', () => `the clock of the database steps by ${Math.round(byMs / 60_000)} minutes`)
      database.stepClock(byMs)
    },
    'host-clock': (host) => {
      const struck = host ?? fleet.pick()
      if (struck === undefined) return
      world.met('host-clock')
      struck.clockAheadMs += (world.chance('host-clock') * 2 - 1) * clockStepMs
      world.tell('fault', () => `the clock of ${struck.name} steps`)
    },
    'database-away': () => goAway(stage, database, 'database-away'),
    'queue-away': () => goAway(stage, queue, 'queue-away'),
    'queue-wiped': () => {
      world.met('queue-wiped')
      world.tell('fault', () => 'the queue is emptied')
      queue.wipe()
    },
    'queue-resurrects': () => {
      world.met('queue-resurrects')
      world.tell('fault', () => 'the queue has old hints again')
      queue.resurrect()
    },
    failover: () => failOver(stage),
    people: () => {
      world.met('people')
      clients.meddle()
    },
    drain: (host) => {
      const drained = fleet.drain(host)
      if (drained !== undefined) world.met('drain')
    },
  }
}

const goAway = ({ course: { world } }: Stage, server: Server, kind: 'database-away' | 'queue-away'): void => {
  if (!world.isStormy()) return
  world.met(kind)
  server.state = world.chance(kind) < 0.5 ? 'refusing' : 'silent'
  world.tell('fault', () => `the ${server.name} is ${server.state}`)
  world.scheduler.after(world.chance(kind) ** 2 * awayMs, undefined, 'back', () => {
    server.state = 'up'
    world.tell('fault', () => `the ${server.name} is back`)
  })
}

/** Cuts a standby off, and promotes it a little later. */
const failOver = ({ course }: Stage): void => {
  const { world, database, judge } = course
  if (!world.isStormy() || database.held.hasCopy()) return
  database.held.keepCopy()
  world.tell('fault', () => 'nothing reaches the standby any more')
  const promote = (): void => {
    if (!world.isStormy()) return
    world.met('failover')
    const lost = database.promote()
    judge.lost(lost)
    world.tell('fault', () => `the standby is promoted: ${lost.size} tasks lose something`)
    // The first process to connect ends every incarnation: see adopt_installation.sql.
    const adopt = (): void => endIncarnations(course)
    if (world.chance('failover') < 0.8) adopt()
    else world.scheduler.after(world.chance('failover') * noticeMs, undefined, 'adopt', adopt)
  }
  const step = steps[Math.floor(world.chance('failover') * steps.length)]
  world.scheduler.after(world.chance('failover') * copyAgeMs, undefined, 'promote', () => {
    if (step === undefined || world.chance('failover') < 0.4) promote()
    else world.ambush(step, promote)
  })
}

const endIncarnations = ({ database: { held }, judge }: Course): void => {
  judge.incarnationsEnded()
  for (const [incarnation, row] of held.database.workers) {
    held.database.workers.set(incarnation, { ...row, state: 'ended' })
  }
}
