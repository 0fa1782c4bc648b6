import { createSystemIdentities } from '#adapters/system/identities.ts'
import type { Telemetry } from '#adapters/telemetry/telemetry.ts'
import { createReadyAnnouncer, type ReadyAnnouncer } from '#application/hints/announcer.ts'
import { createSteadyClock, type SteadyClock } from '#application/mechanisms/steady-clock.ts'
import { createLanes, type Lanes } from '#application/hints/lanes.ts'
import { createRecentRead, type RecentRead } from '#application/mechanisms/recent-read.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { Identities } from '#application/ports/surroundings/identities.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { WorkerRow } from '#application/ports/workers/worker-registry.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'
import type { Config } from '../config.ts'
import { createObservation, type Observation } from '../open/observation.ts'
import { createRuntime } from '../open/create-runtime.ts'
import { openDatabase, type OpenedDatabase } from '../open/open-database.ts'
import { openHandlers, toHandlerSettings } from '../open/open-handlers.ts'
import { openQueue, type OpenedQueue } from '../open/open-queue.ts'
import { openStore, type OpenedStore } from '../open/open-store.ts'

/** What every role of a process stands on. Each role takes from it, by name, what its parts use. */
export interface Foundation {
  readonly handlers: ReadonlyMap<string, TaskHandler>
  readonly database: OpenedDatabase
  readonly observation: Observation
  readonly runtime: Runtime
  /** Its event store is counted, logged and traced. */
  readonly store: OpenedStore
  /** For what is made, deleted or named by the store's clock. */
  readonly steadyClock: SteadyClock
  /** The rows of the registry. The sweeper reads them often enough for everybody else in its process. */
  readonly workers: RecentRead<readonly WorkerRow[]>
  /** Traced. */
  readonly queue: OpenedQueue
  readonly identities: Identities
  readonly lanes: Lanes
  readonly announcer: ReadyAnnouncer
}

/** What the launcher brings, and what a test puts in the place of a part, to break it at a chosen point. */
export interface Substitutions {
  readonly telemetry: Telemetry
  readonly adaptQueue: (queue: TaskQueue) => TaskQueue
}

/** Opens, in this order, the handlers, the database, the store and the queue; `owned` closes them in the opposite one. */
export const openFoundation = async (
  config: Config,
  logger: Logger,
  { telemetry, adaptQueue }: Substitutions,
  owned: AsyncDisposableStack,
): Promise<Foundation> => {
  const openedHandlers = await openHandlers(toHandlerSettings(config), logger)
  owned.defer(() => openedHandlers.close())
  const { handlers } = openedHandlers
  const database = await openDatabase(config, logger, owned)
  const observation = await createObservation({ telemetry, logger, types: handlers.keys() }, owned)
  const runtime = createRuntime(logger, observation.count)
  const store = await openStore(database, { runtime, namesMax: config.namesMax, observer: observation }, owned)
  const queue = await openQueue(
    config,
    { store, runtime, adapt: (inner) => observation.observeQueue(adaptQueue(inner)) },
    owned,
  )
  const workers = createRecentRead(runtime.clock, () => store.workers.registry.readAll())
  const lanes = createLanes({ readWorkers: (ageMsMax) => workers.recent(ageMsMax), clock: runtime.clock })
  const announcer = createReadyAnnouncer({
    queue: queue.queue,
    lanes,
    storeClock: store.storeClock,
    timers: runtime.timers,
    count: runtime.count,
    horizonMs: config.reconcileMs * 4,
  })
  owned.defer(() => announcer.close())
  const steadyClock = createSteadyClock({
    monotonicMs: () => runtime.clock.monotonicMs(),
    storeNow: () => store.storeClock.now(),
  })
  const identities = createSystemIdentities(steadyClock)
  return { handlers, database, observation, runtime, store, steadyClock, workers, queue, identities, lanes, announcer }
}
