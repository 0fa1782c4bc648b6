import type { Random } from '#application/ports/surroundings/identities.ts'
import { cancelTask, retryTask, runTaskNow } from '#application/commands/person-commands.ts'
import { type HandlerContext, PermanentError, RetryAfterError } from '#application/ports/task-handler.ts'
import { sharedQueue } from '#application/hints/lanes.ts'
import type { WorkerRegistry } from '#application/ports/workers/worker-registry.ts'
import type { Incarnation, TaskId } from '#domain/identifiers.ts'
import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import { createMemoryTaskQueue } from '#adapters/memory/queue/task-queue.ts'
import { createImaginedProcess, type ImaginedProcess } from '../support/imagined-process.ts'
import { createMemoryWorld, type MemoryWorld } from '../support/memory-world.ts'
import { range } from '../support/task-builders.ts'
import { beginAnew, keepCopy, promote, type StandbyCopy } from './forgetful-store.ts'
import { createClient, makeHandlers, reconcileMs, recoverIn, sweepMs, toWorkerDeps } from '../support/test-worker.ts'
import { type CodeOrigin, findCodeOrigin } from '#adapters/worker/run/code-origin.ts'
import { createWorker, type Worker } from '#adapters/worker/worker.ts'

/** Short leases: a course of a minute then holds many deaths. */
const leaseMs = 6_000
const beatMs = 1_500
const workers = 3
const tasks = 40
const queueIdsMax = 25
/** The longest back-off, time limit, grace and lease, what a step of the clock adds to them, and a few rounds of it all. */
const restMs = 240_000
const hourMs = 3_600_000
/** Until somebody notices that a standby was promoted. Until then a lost run and its successor may have one number. */
const noticeMsMax = 6_000

interface Member {
  readonly process: ImaginedProcess
  readonly worker: Worker
  /** Of the handlers that began there, in this order. */
  readonly origins: readonly CodeOrigin[]
}

/** The name of the process that each incarnation was one of. What a handler returns is the name of its process. */
type Names = Map<Incarnation, string>

export interface SimulatedFleet {
  readonly world: MemoryWorld
  /** Without those that a promoted standby never had. */
  readonly taskIds: readonly TaskId[]
  readonly names: ReadonlyMap<Incarnation, string>
  readonly clockSteps: number
  readonly promotions: number
}

/** What the database of a course goes through. */
interface StoreTroubles {
  clockSteps: number
  promotions: number
  standby: StandbyCopy | undefined
}

/**
 * One course of events: a fleet in which processes are killed and replaced, stopped and continued, drained, lose their
 * beats, or break down by an error that escapes from a handler; a queue that loses, repeats and mixes up what it is given;
 * several queues, one of which some workers name; a database whose clock steps by hours, and that fails over to a standby
 * without the last commits; and persons who cancel, retry and hurry. Then the trouble ends, and the fleet has time to come to
 * rest. One seed, one course.
 */
export const runSimulation = async (seed: number): Promise<SimulatedFleet> => {
  const random = createSeededRandom(seed)
  const world = createLossyWorld(seed, random)
  await world.routes.learn([{ queue: 'default', type: 'work' }])
  const client = createClient(world)
  const members: Member[] = []
  const names: Names = new Map()
  for (const _ of range(workers)) members.push(await startMember(world, random, names, toQueues(random)))
  const taskIds: TaskId[] = []
  const store: StoreTroubles = { clockSteps: 0, promotions: 0, standby: undefined }
  for (const _ of range(tasks)) {
    taskIds.push(await client.submit(toRequest(random)))
    await makeTrouble({ world, members, taskIds, names }, random)
    makeStoreTrouble(world, store, random)
    await world.advance(random() * 2_000)
  }
  for (const { process } of members) {
    process.resume()
    process.findBeats()
  }
  // Somebody must serve the queues that nobody names.
  members.push(await startMember(world, random, names, undefined))
  await world.advance(restMs)
  const kept = taskIds.filter((taskId) => world.database.streams.has(taskId))
  return { world, taskIds: kept, names, ...store }
}

const createLossyWorld = (seed: number, random: Random): MemoryWorld => {
  const world = createMemoryWorld({ seed })
  const queue = createMemoryTaskQueue({ timers: world.timers, queueIdsMax })
  return {
    ...world,
    queue: {
      ...queue,
      push: async (hints) => {
        const chance = random()
        if (chance < 0.1) throw new Error('the push was lost')
        await queue.push(chance < 0.3 ? hints.slice(1) : hints)
        if (chance > 0.8) await queue.push(hints.map((hint) => ({ ...hint, rank: 0 })))
      },
      pull: async (request) => {
        if (random() < 0.05) throw new Error('the pull failed')
        const pulled = await queue.pull(request)
        return random() < 0.05 ? { ...pulled, taskIds: pulled.taskIds.slice(1) } : pulled
      },
    },
  }
}

/** Some workers name a queue, and leave the others to the rest. */
const toQueues = (random: Random): readonly string[] | undefined => (random() < 0.3 ? ['named'] : undefined)

const startMember = async (
  world: MemoryWorld,
  random: Random,
  names: Names,
  queues: readonly string[] | undefined,
): Promise<Member> => {
  const name = `process ${names.size}`
  const process = createImaginedProcess(world, Math.floor(random() * 2 ** 32))
  const maintenance = recoverIn(process, { leaseMs, sweepMs, reconcileMs })
  const origins: CodeOrigin[] = []
  const work = (_: unknown, context: HandlerContext): Promise<string> => {
    const origin = findCodeOrigin()
    if (origin !== undefined) origins.push(origin)
    return handle(process, random, context).then(() => name)
  }
  const handlers = makeHandlers({ work })
  const registry: WorkerRegistry = {
    ...process.registry,
    register: (description) => {
      names.set(description.incarnation, name)
      return process.registry.register(description)
    },
  }
  const worker = createWorker(toWorkerDeps(process, handlers, { registry }), {
    queues,
    concurrency: 3,
    leaseMs,
    beatMs,
    drainMs: 3_000,
    host: 'simulated',
    pid: 1,
  })
  await worker.start()
  maintenance.start()
  return { process, worker, origins }
}

const handle = async (
  { timers }: ImaginedProcess,
  random: Random,
  { signal, effect }: HandlerContext,
): Promise<void> => {
  const chance = random()
  if (random() < 0.3) await effect('charge', { mode: 'idempotent' }, () => timers.sleep(random() * 1_000))
  if (chance < 0.4) return
  // Some heed their signal and some do not.
  await timers.sleep(random() * 6_000, chance < 0.8 ? signal : undefined)
  if (signal.aborted && chance < 0.7) throw new Error('stopped')
  if (chance > 0.95) throw new PermanentError('hopeless')
  if (chance > 0.9) throw new RetryAfterError(500)
  if (chance > 0.8) throw new Error('failed')
}

/** Some tasks are in a queue that some workers name, and some in queues that nobody does. */
const toRequest = (random: Random) => ({
  queue: random() < 0.3 ? 'named' : `queue-${Math.floor(random() * 10)}`,
  maxAttempts: 1 + Math.floor(random() * 4),
  timeoutMs: 500 + Math.floor(random() * 8_000),
  priority: Math.floor(random() * 5),
  due: { delayMs: random() < 0.5 ? 0 : Math.floor(random() * 5_000) },
  retry: { baseMs: 200, maxMs: 4_000 },
})

interface Course {
  readonly world: MemoryWorld
  readonly members: Member[]
  readonly taskIds: readonly TaskId[]
  readonly names: Names
}

const makeTrouble = async ({ world, members, taskIds, names }: Course, random: Random): Promise<void> => {
  const index = Math.floor(random() * members.length)
  const member = members[index]
  const taskId = taskIds[Math.floor(random() * taskIds.length)]
  if (member === undefined || taskId === undefined) return
  const person = createClient(world).process
  const request = { taskId, context: { actor: 'a person' } }
  const chance = random()
  if (chance < 0.08) {
    member.process.kill()
    members[index] = await startMember(world, random, names, toQueues(random))
  } else if (chance < 0.12) {
    void member.worker.drain()
    members[index] = await startMember(world, random, names, toQueues(random))
  } else if (chance < 0.2) member.process.pause()
  else if (chance < 0.3) member.process.resume()
  else if (chance < 0.36) member.process.loseBeats()
  else if (chance < 0.44) member.process.findBeats()
  else if (chance < 0.6) await cancelTask(person, request)
  else if (chance < 0.75) await retryTask(person, request)
  else if (chance < 0.8) await runTaskNow(person, request)
  else if (chance < 0.83) await takeAllHints(world)
  else if (chance < 0.9) {
    void breakDown(member, random)
    members[index] = await startMember(world, random, names, toQueues(random))
  }
}

/** An error escapes, mostly from the handler that began last, which may have ended since. The process ends a little later. */
const breakDown = async ({ process, worker, origins }: Member, random: Random): Promise<void> => {
  const origin = random() < 0.8 ? origins.at(-1) : undefined
  await worker.breakDown(origin && { thrown: new Error('escaped'), origin })
  process.kill()
}

const makeStoreTrouble = (world: MemoryWorld, store: StoreTroubles, random: Random): void => {
  const chance = random()
  if (chance < 0.05) {
    store.clockSteps += 1
    world.time.setStoreClock(world.storeClock.now() + Math.floor((random() * 2 - 1) * 3 * hourMs))
  } else if (chance < 0.15) store.standby ??= keepCopy(world.database)
  else if (chance < 0.2 && store.standby !== undefined) {
    store.promotions += 1
    promote(world.database, store.standby)
    store.standby = undefined
    world.timers.after(random() * noticeMsMax, () => beginAnew(world.database))
    pushEverything(world)
  }
}

/** As a queue that fails over as well, and has its hints of before. */
const pushEverything = (world: MemoryWorld): void => {
  const route = { queue: sharedQueue, type: 'work' }
  const hints = [...world.database.streams.keys()].map((taskId) => ({ taskId, route, rank: 0 }))
  void world.queue.push(hints).catch(() => {})
}

/** Somebody emptied the queue. */
const takeAllHints = async (world: MemoryWorld): Promise<void> => {
  const { signal } = new AbortController()
  const routes = [{ queue: 'default', type: 'work' }]
  await world.queue.pull({ routes, max: 1_000, waitMs: 0, signal }).catch(() => {})
}
