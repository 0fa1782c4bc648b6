import type { Random } from '#application/ports/surroundings/identities.ts'
import { cancelTask, retryTask, runTaskNow } from '#application/commands/person-commands.ts'
import { type HandlerContext, PermanentError, RetryAfterError } from '#application/ports/task-handler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import { createMemoryTaskQueue } from '#adapters/memory/queue/task-queue.ts'
import { createImaginedProcess, type ImaginedProcess } from '../support/imagined-process.ts'
import { createMemoryWorld, type MemoryWorld } from '../support/memory-world.ts'
import { range } from '../support/task-builders.ts'
import { createClient, makeHandlers, reconcileMs, recoverIn, sweepMs, toWorkerDeps } from '../support/test-worker.ts'
import { type CodeOrigin, findCodeOrigin } from '#adapters/worker/run/code-origin.ts'
import { createWorker, type Worker } from '#adapters/worker/worker.ts'

/** Short leases: a course of a minute then holds many deaths. */
const leaseMs = 6_000
const beatMs = 1_500
const workers = 3
const tasks = 40
const queueIdsMax = 25

interface Member {
  readonly process: ImaginedProcess
  readonly worker: Worker
  /** Of the handlers that began there, in this order. */
  readonly origins: readonly CodeOrigin[]
}

export interface SimulatedFleet {
  readonly world: MemoryWorld
  readonly taskIds: readonly TaskId[]
}

/**
 * One course of events: a fleet in which processes are killed and replaced, stopped and continued, drained, lose their
 * beats, or break down by an error that escapes from a handler; a queue that loses, repeats and mixes up what it is given;
 * and persons who cancel, retry and hurry. Then the trouble ends, and the fleet has time to come to rest. One seed, one
 * course.
 */
export const runSimulation = async (seed: number): Promise<SimulatedFleet> => {
  const random = createSeededRandom(seed)
  const world = createLossyWorld(seed, random)
  await world.routes.learn([{ queue: 'default', type: 'work' }])
  const client = createClient(world)
  const members: Member[] = []
  for (const _ of range(workers)) members.push(await startMember(world, random))
  const taskIds: TaskId[] = []
  for (const _ of range(tasks)) {
    taskIds.push(await client.submit(toRequest(random)))
    await makeTrouble(world, members, taskIds, random)
    await world.advance(random() * 2_000)
  }
  for (const { process } of members) {
    process.resume()
    process.findBeats()
  }
  // The longest back-off, time limit, grace and lease, and a few rounds of them.
  await world.advance(120_000)
  return { world, taskIds }
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

const startMember = async (world: MemoryWorld, random: Random): Promise<Member> => {
  const process = createImaginedProcess(world, Math.floor(random() * 2 ** 32))
  const maintenance = recoverIn(process, { leaseMs, sweepMs, reconcileMs })
  const origins: CodeOrigin[] = []
  const work = (_: unknown, context: HandlerContext): Promise<string> => {
    const origin = findCodeOrigin()
    if (origin !== undefined) origins.push(origin)
    return handle(process, random, context)
  }
  const handlers = makeHandlers({ work })
  const worker = createWorker(toWorkerDeps(process, handlers), {
    queues: undefined,
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
): Promise<string> => {
  const chance = random()
  if (random() < 0.3) await effect('charge', { mode: 'idempotent' }, () => timers.sleep(random() * 1_000))
  if (chance < 0.4) return 'at once'
  // Some heed their signal and some do not.
  await timers.sleep(random() * 6_000, chance < 0.8 ? signal : undefined)
  if (signal.aborted && chance < 0.7) throw new Error('stopped')
  if (chance > 0.95) throw new PermanentError('hopeless')
  if (chance > 0.9) throw new RetryAfterError(500)
  if (chance > 0.8) throw new Error('failed')
  return 'in the end'
}

const toRequest = (random: Random) => ({
  maxAttempts: 1 + Math.floor(random() * 4),
  timeoutMs: 500 + Math.floor(random() * 8_000),
  priority: Math.floor(random() * 5),
  due: { delayMs: random() < 0.5 ? 0 : Math.floor(random() * 5_000) },
  retry: { baseMs: 200, maxMs: 4_000 },
})

const makeTrouble = async (
  world: MemoryWorld,
  members: Member[],
  taskIds: readonly TaskId[],
  random: Random,
): Promise<void> => {
  const index = Math.floor(random() * members.length)
  const member = members[index]
  const taskId = taskIds[Math.floor(random() * taskIds.length)]
  if (member === undefined || taskId === undefined) return
  const person = createClient(world).process
  const request = { taskId, context: { actor: 'a person' } }
  const chance = random()
  if (chance < 0.08) {
    member.process.kill()
    members[index] = await startMember(world, random)
  } else if (chance < 0.12) {
    void member.worker.drain()
    members[index] = await startMember(world, random)
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
    members[index] = await startMember(world, random)
  }
}

/** An error escapes, mostly from the handler that began last, which may have ended since. The process ends a little later. */
const breakDown = async ({ process, worker, origins }: Member, random: Random): Promise<void> => {
  const origin = random() < 0.8 ? origins.at(-1) : undefined
  await worker.breakDown(origin && { thrown: new Error('escaped'), origin })
  process.kill()
}

/** Somebody emptied the queue. */
const takeAllHints = async (world: MemoryWorld): Promise<void> => {
  const { signal } = new AbortController()
  const routes = [{ queue: 'default', type: 'work' }]
  await world.queue.pull({ routes, max: 1_000, waitMs: 0, signal }).catch(() => {})
}
