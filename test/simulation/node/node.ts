import { createMemoryIdentities } from '#adapters/memory/surroundings/identities.ts'
import type { CodeOrigin } from '#adapters/worker/run/code-origin.ts'
import { createWorker, type Worker } from '#adapters/worker/worker.ts'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { createLanes } from '#application/hints/lanes.ts'
import { createQueueDepth } from '#application/hints/queue-depth.ts'
import { createRecentRead } from '#application/mechanisms/recent-read.ts'
import { createSteadyClock } from '#application/mechanisms/steady-clock.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { createRecovery } from '#application/recovery/recovery.ts'
import { createTaskOperations, type TaskOperations } from '#application/task-operations.ts'
import type { Course } from '../course/course.ts'
import { createSequence } from '../course/plan.ts'
import { createHostClock, createHostTimers, type Host } from '../world/host.ts'
import { kill } from '../world/world.ts'
import { createHandlers, createIsolation } from './handlers.ts'
import { createNodePorts } from './node-ports.ts'
import { createNodeRegistry } from './node-registry.ts'
import { createAsk, createNodeStore } from './node-store.ts'
import { createNodeTurns } from './node-turns.ts'

/** Short leases: a course of half a minute then holds several deaths. */
const leaseMs = 6_000
const beatMs = 1_500
const drainMs = 3_000
const sweepMs = 2_000
const reconcileMs = 2_000
/** As in production: four passes ahead. */
const horizonMs = reconcileMs * 4
const concurrency = 3
/** How long a process that breaks down takes at most. */
const breakDownMs = 2_000

export interface Node {
  readonly host: Host
  /** Of an API process. */
  readonly operations: TaskOperations | undefined
  /** Resolves when the process serves; rejects when it could not start and ends. */
  start(): Promise<void>
  /** Stops working in good order, then ends. */
  drain(): Promise<void>
}

/** Joins the parts of one process as src/bootstrap does. `queues`: those that a worker names, if it names any. */
export const createNode = (course: Course, host: Host, queues: readonly string[] | undefined): Node => {
  const foundation = createFoundation(course, host)
  const operations = host.role === 'api' ? createApi(foundation) : undefined
  const worker = host.role === 'worker' ? createNodeWorker(course, foundation, queues) : undefined
  const recovery = host.role === 'api' ? undefined : createNodeRecovery(foundation)
  return {
    host,
    operations,
    start: async () => {
      await worker?.start()
      recovery?.start()
    },
    drain: async () => {
      const ended = course.world.begin(host, 'drain')
      await worker?.drain()
      await recovery?.close()
      await foundation.announcer.close()
      ended()
    },
  }
}

type Foundation = ReturnType<typeof createFoundation>

const createFoundation = (course: Course, host: Host) => {
  const { world, network, database: server, queue: queueServer, judge } = course
  const clock = createHostClock(world.scheduler)
  const timers = createHostTimers(world.scheduler, host)
  const random = createSequence(world.plan.seed, host.name)
  const { ask, storeClock, storeFor } = createNodeStore({ host, network, server, clock, timers })
  const runtime: Runtime = {
    clock,
    timers,
    random,
    logger: createLogger(course, host),
    count: (name) => judge.count(name),
  }
  const steadyClock = createSteadyClock({ monotonicMs: () => clock.monotonicMs(), storeNow: () => storeClock.now() })
  const { heart = host } = host
  const registry = createNodeRegistry({
    world,
    host,
    server,
    ask,
    clock,
    heart: { timers: createHostTimers(world.scheduler, heart), ask: createAsk({ host: heart, network, server }) },
    onLease: (lease) => judge.leaseBegan(host, lease),
  })
  const workers = createRecentRead(clock, () => registry.readAll())
  const lanes = createLanes({ readWorkers: (ageMsMax) => workers.recent(ageMsMax), clock })
  const queueFor = (push: 'announce' | 'reconcile') =>
    queueServer.reachedFrom(host, network, { push, pull: push === 'announce' ? 'pull' : 'reconcile' })
  const announcer = createReadyAnnouncer({
    queue: queueFor('announce'),
    lanes,
    storeClock,
    timers,
    count: runtime.count,
    horizonMs,
  })
  return {
    host,
    runtime,
    ports: createNodePorts(server.held.database, ask),
    storeClock,
    storeFor,
    identities: createMemoryIdentities(steadyClock, random),
    registry,
    workers,
    lanes,
    queueFor,
    queueDepth: createQueueDepth(),
    announcer,
    signals: createNodeSignals(course, host),
    exclusiveWork: createNodeTurns({ server, ask, clock, timers, name: host.name }),
  }
}

const createApi = (foundation: Foundation): TaskOperations => {
  const { ports, storeFor, runtime, storeClock, identities, registry, announcer, signals } = foundation
  return createTaskOperations({
    history: { store: storeFor('change'), feed: ports.feed },
    heads: ports.heads,
    records: { ledger: ports.ledger, progress: ports.progress },
    registry,
    submitting: { routes: ports.routes, storeClock, defaultsOf: () => ({}) },
    identities,
    afterCommit: { announcer, signals },
    runtime,
  })
}

const createNodeWorker = (course: Course, foundation: Foundation, queues: readonly string[] | undefined): Worker => {
  const { host, ports, storeFor, runtime, identities, registry, announcer, signals, lanes, queueDepth, queueFor } =
    foundation
  const { world } = course
  const breakDown = (origin: CodeOrigin | undefined): void => {
    const end = (): void => kill(world, host, 'escape')
    world.tell(host.name, () => 'an error escaped from a handler: the process breaks down')
    world.scheduler.after(breakDownMs, undefined, 'exit', end)
    void worker.breakDown(origin && { thrown: new Error('escaped'), origin }).then(end)
  }
  const handlerDeps = { course, host, timers: runtime.timers, onEscape: breakDown }
  const worker = createWorker(
    {
      runtime,
      heads: ports.heads,
      records: { store: storeFor('load'), ledger: ports.ledger, progressBoard: ports.progress },
      hints: { queue: queueFor('announce'), queueDepth, lanes, signals, announcer },
      registry,
      identities,
      handlers: createHandlers(handlerDeps),
      isolation: createIsolation(handlerDeps),
    },
    { queues, concurrency, leaseMs, beatMs, drainMs, host: host.name, pid: 1 },
  )
  return worker
}

const createNodeRecovery = (foundation: Foundation) => {
  const { ports, storeFor, runtime, storeClock, identities, registry, workers, lanes, queueDepth, announcer } =
    foundation
  return createRecovery(
    {
      store: storeFor('recover'),
      heads: ports.heads,
      workers,
      hints: { queue: foundation.queueFor('reconcile'), lanes, queueDepth, announcer },
      fleet: { registry, exclusiveWork: foundation.exclusiveWork },
      identities,
      storeClock,
      runtime,
    },
    { leaseMs, sweepMs, reconcileMs },
  )
}

const signalMs = 2

const createNodeSignals = ({ world, listeners }: Course, host: Host): Signals => ({
  announce: async (signal) => {
    for (const { host: other, listener } of listeners) {
      if (world.strikes('request-lost', 0.3)) continue
      world.scheduler.after(world.random() * signalMs, other, 'signal', () => listener(signal))
    }
  },
  subscribe: (listener) => {
    const subscription = { host, listener }
    listeners.add(subscription)
    return () => {
      listeners.delete(subscription)
    }
  },
})

/** Warnings and errors are told in the story; nothing else is kept. */
const createLogger = ({ world }: Course, host: Host): Logger => {
  const tell = (fields: Readonly<Record<string, unknown>>, message: string): void =>
    world.tell(host.name, () => `${message}${describe(fields)}`)
  const logger: Logger = { debug: tell, info: tell, warn: tell, error: tell, child: () => logger }
  return logger
}

const describe = (fields: Readonly<Record<string, unknown>>): string => {
  const { err, ...others } = fields
  const known = Object.entries(others).map(([name, value]) => `${name} ${String(value)}`)
  return [...known, ...(err instanceof Error ? [err.message] : [])].map((text) => `, ${text}`).join('')
}
