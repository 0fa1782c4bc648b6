import { hostname } from 'node:os'
import { createHttpServer } from '#adapters/http/server.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { createSystemIdentities } from '#adapters/system/identities.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createProcessIsolation } from '#adapters/worker/isolation/process-isolation.ts'
import { createWorker, type Worker } from '#adapters/worker/worker.ts'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { noTelemetry, type Telemetry } from '#adapters/telemetry/telemetry.ts'
import { createRecentRead } from '#application/mechanisms/recent-read.ts'
import type { HealthCheck } from '#application/health/health.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { SubmitKeys } from '#application/ports/events/submit-keys.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import { createDailyPartitions } from '#application/upkeep/daily-partitions.ts'
import { createKeyPurge } from '#application/upkeep/key-purge.ts'
import { createMaintenance } from '#application/recovery/recovery.ts'
import { createTaskOperations, type TaskOperations } from '#application/task-operations.ts'
import type { Config } from './config.ts'
import { createObservation } from './open/observation.ts'
import { type HandlerSettings, openHandlers, toHandlerSettings } from './open/open-handlers.ts'
import { openQueue } from './open/open-queue.ts'
import { openDatabase, openStore } from './open/open-store.ts'
import { release } from './release.ts'

/** What runs in this process. */
export interface RunningRoles {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly url: string
  readonly queue: 'redis' | 'postgres'
  /** What HTTP drives, for callers in the same process. */
  readonly operations: TaskOperations
  /**
   * Drains: pulls no more, lets handlers finish for `DRAIN_MS`, hands back the rest; then answers the last requests and
   * closes everything. Idempotent.
   */
  close(): Promise<void>
  /** For a process that must end at once: tells the embedded database to stop, and waits for nothing. */
  abandon(): void
}

/** What the launcher brings, and what a test puts in the place of a part, to break it at a chosen point. */
export interface Substitutions {
  readonly telemetry?: Telemetry
  readonly adaptQueue?: (queue: TaskQueue) => TaskQueue
}

/**
 * Starts the roles of the configuration in this process: they share one pool, one store and one queue.
 *
 * Throws ConfigurationError or StartupError; nothing is left open then.
 */
export const startRoles = async (
  config: Config,
  logger: Logger,
  { adaptQueue = (queue) => queue, telemetry = noTelemetry }: Substitutions = {},
): Promise<RunningRoles> => {
  const owned = new AsyncDisposableStack()
  try {
    return await open(config, logger, { adaptQueue, telemetry }, owned)
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

const open = async (
  config: Config,
  logger: Logger,
  { adaptQueue, telemetry }: Required<Substitutions>,
  owned: AsyncDisposableStack,
): Promise<RunningRoles> => {
  const settings = toHandlerSettings(config)
  const openedHandlers = await openHandlers(settings, logger)
  owned.defer(() => openedHandlers.close())
  const { handlers } = openedHandlers
  const place = await openDatabase(config, logger, owned)
  const observation = await createObservation({ telemetry, logger, types: handlers.keys() }, owned)
  const opened = await openStore(place, logger, owned, observation.commits)
  const openedQueue = await openQueue(config, opened, logger, owned)
  const parts = {
    ...opened,
    store: observation.observeStore(opened.store),
    signals: openedQueue.signals,
    queue: observation.observeQueue(adaptQueue(openedQueue.queue)),
    identities: createSystemIdentities(opened.storeClock),
    clock: systemClock,
    timers: systemTimers,
    random: Math.random,
    logger,
    count: observation.count,
    runObserver: observation.runObserver,
    handlers,
  }
  const announcer = createReadyAnnouncer({ ...parts, horizonMs: config.reconcileMs * 4 })
  owned.defer(() => announcer.close())
  const shared = { ...parts, announcer }

  const operations = createTaskOperations({ ...shared, defaultsOf: (type) => handlers.get(type)?.defaults ?? {} })
  // What the worker has just read is news enough for recovery.
  const routeReads = createRecentRead(systemClock, () => opened.routes.readAll())
  const recoveryRoutes = { ...opened.routes, readAll: () => routeReads.recent(config.reconcileMs) }
  const onPulled = startRecovery(config, { ...shared, routes: recoveryRoutes }, owned)
  const workers: Worker[] = []
  const http = await createHttpServer({
    operations: config.roles.includes('api') ? operations : undefined,
    info: createInfo(config, openedQueue.kind),
    readHealth: () => [...opened.readHealth(), ...openedQueue.readHealth(), ...workers.flatMap(readWorkerHealth)],
    logger,
    now: () => opened.storeClock.now(),
    readMetrics: observation.publish({ ...config, ...opened, countHandlers: () => workers[0]?.runningCount() }),
    nameRoute: telemetry.nameRoute,
    traceUrlTemplate: config.traceUrlTemplate,
  })
  owned.defer(() => http.close())
  // Before that: an answer that waits for a task to end would keep the server from closing.
  owned.defer(() => operations.close())
  const { url } = await http.listen(config.host, config.port)
  if (config.roles.includes('worker')) {
    const routes = { ...opened.routes, readAll: routeReads.fresh }
    workers.push(await startWorker(config, { ...shared, routes, onPulled, settings }, owned))
  }
  return {
    url,
    queue: openedQueue.kind,
    operations,
    close: () => owned.disposeAsync(),
    abandon: () => place.abandon(),
  }
}

type WorkerParts = Omit<Parameters<typeof createWorker>[0], 'isolation'> & { readonly settings: HandlerSettings }

/** What a run in a process of its own begins with. */
const isolatedRunEntry = new URL('isolated-run.ts', import.meta.url)

const startWorker = async (config: Config, parts: WorkerParts, owned: AsyncDisposableStack): Promise<Worker> => {
  const isolation = createProcessIsolation({ ...parts, leaseMs: config.leaseMs, entry: isolatedRunEntry })
  owned.defer(() => isolation.close())
  const worker = createWorker({ ...parts, isolation }, { ...config, host: hostname(), pid: process.pid })
  await worker.start()
  owned.defer(() => worker.drain())
  return worker
}

const readWorkerHealth = (worker: Worker): readonly HealthCheck[] => worker.readHealth()

type RecoveryDeps = Parameters<typeof createMaintenance>[0] & {
  readonly submitKeys: SubmitKeys
  readonly partitions: { ensurePartitions(): Promise<unknown> }
}

/** Every process that works or maintains recovers; every process makes partitions. Answers what hears of each pull. */
const startRecovery = (config: Config, deps: RecoveryDeps, owned: AsyncDisposableStack): ((left: number) => void) => {
  const daily = createDailyPartitions(deps, () => deps.partitions.ensurePartitions())
  daily.start()
  owned.defer(() => daily.close())
  if (!config.roles.includes('worker') && !config.roles.includes('maintenance')) return () => {}
  const maintenance = createMaintenance(deps, config)
  maintenance.start()
  owned.defer(() => maintenance.close())
  const keyPurge = createKeyPurge(deps)
  keyPurge.start()
  owned.defer(() => keyPurge.close())
  return (left) => maintenance.notePulled(left)
}

const createInfo = (config: Config, queue: OpenedKind) => {
  const startedAt = Date.now()
  const startedAtMs = systemClock.monotonicMs()
  return () => ({
    ...release,
    roles: config.roles,
    store: 'postgres',
    queue,
    startedAt,
    uptimeMs: Math.floor(systemClock.monotonicMs() - startedAtMs),
  })
}

type OpenedKind = RunningRoles['queue']
