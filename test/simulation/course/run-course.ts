import { createJudge } from '../judge/judge.ts'
import { judgeTheEnd } from '../judge/final-judgement.ts'
import { createDatabaseServer } from '../server/database-server.ts'
import { createOutsideWorld } from '../server/outside-world.ts'
import { createQueueServer } from '../server/queue-server.ts'
import { createNetwork } from '../world/network.ts'
import type { FaultKind } from '../world/steps.ts'
import { createWorld, type StoryLine, type World } from '../world/world.ts'
import { createClients } from './clients.ts'
import type { Course } from './course.ts'
import { createFleet } from './fleet.ts'
import { type CourseRequest, createSequence, planCourse } from './plan.ts'
import { brewStorm } from './storm.ts'

export interface CourseOutcome {
  readonly seed: number
  /** What was broken; empty when every promise held. */
  readonly breaches: readonly string[]
  /** Of all that happened, in its order. */
  readonly hash: number
  readonly steps: number
  readonly virtualMs: number
  readonly tasks: number
  readonly workers: number
  readonly windowMs: number
  readonly faults: readonly FaultKind[]
  readonly meetings: readonly number[]
}

/** Back-offs, time limits, grace, leases and delays of a task that is tried as often as it may be. */
const restMs = 300_000
/** Stragglers have so long to do what they must not. */
const afterwardsMs = 2_500
const breachesMax = 20

/** Runs the course of one seed. `listener` hears its story. */
export const runCourse = async (
  request: CourseRequest,
  listener?: (line: StoryLine) => void,
): Promise<CourseOutcome> => {
  const plan = planCourse(request)
  const world = createWorld(plan, listener)
  const restore = replaceGlobals(world)
  try {
    await live(world)
  } catch (error) {
    world.breach(`an error nobody caught: ${error instanceof Error ? error.stack : String(error)}`)
  } finally {
    restore()
  }
  const { scheduler, breaches, meetings } = world
  return {
    seed: plan.seed,
    breaches: breaches.slice(0, breachesMax),
    hash: scheduler.hash(),
    steps: scheduler.steps(),
    virtualMs: scheduler.nowMs(),
    tasks: plan.tasks.length,
    workers: plan.workers,
    windowMs: plan.windowMs,
    faults: [...plan.faults.keys()],
    meetings: meetings.counts(),
  }
}

const live = async (world: World): Promise<void> => {
  const { scheduler, plan } = world
  const database = createDatabaseServer(world)
  const course: Course = {
    world,
    network: createNetwork(world),
    database,
    queue: createQueueServer(world),
    outside: createOutsideWorld(),
    judge: createJudge(world, database),
    listeners: new Set(),
  }
  const fleet = createFleet(course)
  const clients = createClients(course, () => fleet.nodes())
  fleet.begin()
  clients.begin()
  brewStorm({ course, fleet, clients })

  const isBroken = (): boolean => world.breaches.length > 0
  const isAtRest = (): boolean => clients.areDone() && course.judge.open().size === 0
  await scheduler.run(plan.windowMs, isBroken)
  world.calm()
  database.state = 'up'
  course.queue.state = 'up'
  world.tell('fleet', () => 'nothing strikes from now on')
  fleet.heal()
  const untilMs = scheduler.nowMs() + restMs
  do {
    await scheduler.run(untilMs, () => isBroken() || isAtRest())
    if (isBroken()) return
    // A request that was given up may still arrive, and then begin a task.
    await scheduler.run(scheduler.nowMs() + afterwardsMs, isBroken)
  } while (!isAtRest() && scheduler.nowMs() < untilMs)
  await judgeTheEnd(course, clients)
}

/** The instant of the beginning by every clock on a wall. */
const startAt = 1_767_225_600_000

/**
 * Code that reads a clock or draws a number around the ports gets those of the process that it runs in: so a course stays
 * the same whenever it is run, and a host's clock that steps is seen.
 */
const replaceGlobals = (world: World): (() => void) => {
  const { now } = Date
  const { random } = Math
  const { stackTraceLimit } = Error
  const sequence = createSequence(world.plan.seed, 'globals')
  const onRejection = (error: unknown): void => world.breach(`a rejection nobody handled: ${String(error)}`)
  const { scheduler } = world
  Date.now = () => Math.floor(startAt + scheduler.nowMs() + (scheduler.current()?.clockAheadMs ?? 0))
  Math.random = sequence
  Error.stackTraceLimit = 4
  process.on('unhandledRejection', onRejection)
  return () => {
    Date.now = now
    Math.random = random
    Error.stackTraceLimit = stackTraceLimit
    process.off('unhandledRejection', onRejection)
  }
}
