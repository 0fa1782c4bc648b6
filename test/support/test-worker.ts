import { createWorker, type Worker } from '#adapters/worker/worker.ts'
import type { WorkerDeps, WorkerOptions } from '#adapters/worker/worker-deps.ts'
import { type SubmitRequest, submitTask } from '#application/commands/submit-task.ts'
import type { HandlerContext, TaskHandler } from '#application/ports/task-handler.ts'
import { createRecovery, type RecoveryOptions } from '#application/recovery/recovery.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { createImaginedProcess, type ImaginedProcess } from './imagined-process.ts'
import { createIsolationInProcess } from './isolation-in-process.ts'
import type { MemoryWorld } from './memory-world.ts'

export const leaseMs = 15_000
export const beatMs = 3_000
export const sweepMs = 2_000
export const reconcileMs = 2_000
export const drainMs = 30_000

export interface TestWorker {
  readonly worker: Worker
  readonly process: ImaginedProcess
}

type Run = (payload: unknown, context: HandlerContext) => Promise<unknown>

const makeHandlers = (runs: Readonly<Record<string, Run>>): ReadonlyMap<string, TaskHandler> =>
  new Map(Object.entries(runs).map(([type, run]) => [type, { type, defaults: {}, run }]))

/** The members of a process that a test may put another adapter in the place of. */
type Substitutes = Partial<
  Pick<ImaginedProcess, 'store' | 'ledger' | 'progress' | 'queue' | 'registry' | 'announcer' | 'runnable' | 'runs'>
>

/** A worker is made of what its process has, but for the substitutes. */
const toWorkerDeps = (
  process: ImaginedProcess,
  handlers: ReadonlyMap<string, TaskHandler>,
  substitutes: Substitutes = {},
): WorkerDeps => {
  const { runtime, heads, queueDepth, lanes, signals, identities } = process
  const { store, ledger, progress, queue, registry, announcer, runnable, runs } = { ...process, ...substitutes }
  return {
    runtime,
    heads: { ...heads, runnable, runs },
    records: { store, ledger, progressBoard: progress },
    hints: { queue, queueDepth, lanes, signals, announcer },
    registry,
    identities,
    handlers,
    isolation: createIsolationInProcess(handlers),
  }
}

/** A worker in a process of its own, registered and pulling. */
export const startWorker = async (
  world: MemoryWorld,
  runs: Readonly<Record<string, Run>>,
  { deps = {}, ...options }: Partial<WorkerOptions> & { readonly deps?: Substitutes } = {},
): Promise<TestWorker> => {
  const process = createImaginedProcess(world)
  const worker = createWorker(toWorkerDeps(process, makeHandlers(runs), deps), {
    queues: undefined,
    concurrency: 10,
    leaseMs,
    beatMs,
    drainMs,
    host: 'test',
    pid: 1,
    ...options,
  })
  await worker.start()
  return { worker, process }
}

/** The recovery of one process, to be started. */
export const recoverIn = (process: ImaginedProcess, options: RecoveryOptions) => {
  const { store, heads, workers, queue, lanes, queueDepth, announcer, registry, exclusiveWork, identities, runtime } =
    process
  const hints = { queue, lanes, queueDepth, announcer }
  const fleet = { registry, exclusiveWork }
  const { storeClock } = process
  return createRecovery({ store, heads, workers, hints, fleet, identities, storeClock, runtime }, options)
}

/** The recovery of a process of its own. */
export const startMaintenance = (world: MemoryWorld, options: { readonly leaseMs?: number } = {}) => {
  const process = createImaginedProcess(world)
  const maintenance = recoverIn(process, { leaseMs, sweepMs, reconcileMs, ...options })
  maintenance.start()
  return { maintenance, process }
}

/** Submits tasks as an API process does: durable, then hinted at. */
export const createClient = (world: MemoryWorld) => {
  const process = createImaginedProcess(world)
  return {
    process,
    submit: async (request: Partial<SubmitRequest> = {}): Promise<TaskId> => {
      const deps = { ...process, defaultsOf: () => ({}) }
      const { task } = await submitTask(deps, { type: 'work', payload: 'null', ...request }, {})
      return task.taskId
    },
  }
}
