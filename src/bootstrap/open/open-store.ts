import type { OnConnect } from '#adapters/postgres/connection/driver.ts'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { withDatabaseErrors } from '#adapters/postgres/connection/database-error.ts'
import { findSessionKind } from '#adapters/postgres/connection/session-kind.ts'
import type { DatabaseAddress } from '#adapters/postgres/connection/database-address.ts'
import { createPostgresEventFeed } from '#adapters/postgres/events/event-feed.ts'
import { createPostgresEventStore } from '#adapters/postgres/events/event-store.ts'
import { createHomeWatch } from '#adapters/postgres/events/installation.ts'
import { createPostgresPartitions } from '#adapters/postgres/events/partitions.ts'
import { createEstimatedStoreClock, type EstimatedStoreClock } from '#adapters/postgres/events/store-clock.ts'
import { createPostgresSubmitKeys } from '#adapters/postgres/events/submit-keys.ts'
import { createPostgresRoutes, type PostgresRoutes } from '#adapters/postgres/heads/routes.ts'
import { createPostgresRunIndex } from '#adapters/postgres/heads/run-index.ts'
import { createPostgresRunnableIndex } from '#adapters/postgres/heads/runnable-index.ts'
import { createPostgresTaskIndex } from '#adapters/postgres/heads/task-index.ts'
import { createPostgresUnusedRoutes } from '#adapters/postgres/heads/unused-routes.ts'
import { createPostgresIdempotencyLedger } from '#adapters/postgres/ledger/idempotency-ledger.ts'
import { createPostgresProgressBoard } from '#adapters/postgres/ledger/progress-board.ts'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { createPostgresListener, type PostgresListener } from '#adapters/postgres/notifications/listener.ts'
import { createPostgresExclusiveWork } from '#adapters/postgres/workers/exclusive-work.ts'
import { createPostgresWorkerRegistry } from '#adapters/postgres/workers/worker-registry.ts'
import { createFeedBarrierWatch } from '#application/health/feed-barrier-watch.ts'
import type { ReadHealth } from '#application/health/health.ts'
import { watchStore } from '#application/health/store-health.ts'
import type { EventFeed } from '#application/ports/events/event-feed.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Partitions } from '#application/ports/events/partitions.ts'
import type { SubmitKeys } from '#application/ports/events/submit-keys.ts'
import type { Heads } from '#application/ports/heads/heads.ts'
import type { UnusedRoutes } from '#application/ports/heads/unused-routes.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { ProgressBoard } from '#application/ports/ledger/progress-board.ts'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { ExclusiveWork } from '#application/ports/workers/exclusive-work.ts'
import type { WorkerRegistry } from '#application/ports/workers/worker-registry.ts'
import type { OpenedDatabase } from './open-database.ts'

/** Every driven port that Postgres serves. */
export interface OpenedStore {
  readonly connections: Connections
  readonly storeClock: EstimatedStoreClock
  readonly routes: PostgresRoutes
  readonly unusedRoutes: UnusedRoutes
  readonly events: OpenedEvents
  readonly heads: Heads
  readonly workers: OpenedWorkers
  readonly records: OpenedRecords
  readonly readHealth: ReadHealth
}

type Pool = Awaited<ReturnType<typeof createPostgresPool>>

export interface Connections {
  readonly pool: Pool
  /** For the flushes of appends alone. */
  readonly appendPool: Pool
  readonly listener: PostgresListener
}

export interface OpenedEvents {
  readonly store: EventStore
  readonly feed: EventFeed
  readonly submitKeys: SubmitKeys
  readonly partitions: Partitions
}

export interface OpenedWorkers {
  readonly registry: WorkerRegistry
  readonly exclusiveWork: ExclusiveWork
}

/** What handlers leave behind while they run. */
export interface OpenedRecords {
  readonly ledger: IdempotencyLedger
  readonly progress: ProgressBoard
}

export interface StoreSurroundings {
  readonly runtime: Runtime
  /** How many names of queues and of types callers may bring; the default of the port unless given. */
  readonly namesMax?: number
  /** Sees every commit and every append; none does unless given. */
  readonly observer?: {
    readonly commits: CommitObserver
    readonly observeStore: (store: EventStore) => EventStore
  }
}

/**
 * Connections of one process to Postgres: these, one that hears notifications, a heartbeat's for each incarnation of a worker,
 * and up to ten for effects in mode `tx`, when the first is needed. Appends have three of their own, as many as flushes may be
 * under way: their plans are large, and the fewer server processes keep them the quicker each is.
 */
const connectionsMax = { appends: 3, queries: 6 }

/** A query is given up after this; callers are answered within two seconds. */
const queryDeadlineMs = 1_500

/** Migrates, then opens every driven port over two pools, which `owned` ends. Throws StartupError. */
export const openStore = (
  database: OpenedDatabase,
  surroundings: StoreSurroundings,
  owned: AsyncDisposableStack,
): Promise<OpenedStore> => withDatabaseErrors(database.address, () => openPorts(database, surroundings, owned))

const openPorts = async (
  { address, directAddress }: OpenedDatabase,
  { runtime, namesMax, observer }: StoreSurroundings,
  owned: AsyncDisposableStack,
): Promise<OpenedStore> => {
  const { clock, timers, logger } = runtime
  await migrate({ address: directAddress, logger })
  const home = createHomeWatch({ clock, timers, logger })
  const { sessions, pool, appendPool } = await openPools(address, { logger, onConnect: home.look }, owned)
  const looks = home.createLoop(pool)
  looks.start()
  owned.defer(() => looks.close())

  const monotonicMs = (): number => clock.monotonicMs()
  const storeClock = createEstimatedStoreClock(monotonicMs)
  const routes = createPostgresRoutes({ pool, namesMax, monotonicMs })
  const eventStore = createPostgresEventStore({
    pool,
    appendPool,
    routes,
    storeClock,
    clock,
    timers,
    commits: observer?.commits,
  })
  home.onMoved(() => {
    routes.forgetAll()
    eventStore.forgetAll()
  })
  owned.defer(() => eventStore.close())
  const health = watchStore({ store: eventStore, clock, timers })
  owned.defer(() => health.close())

  const listener = createPostgresListener({ address: directAddress, pool, logger })
  owned.defer(() => listener.close())
  const feed = createPostgresEventFeed({ pool })
  const barrier = createFeedBarrierWatch({ feed, clock, timers, logger })
  barrier.start()
  owned.defer(() => barrier.close())
  const partitions = createPostgresPartitions({ pool })
  // At once, by a single reading of the clock: without partitions there is nothing to start, and one too many does no harm.
  // Upkeep is more careful. The reading is also the first one of the estimate of the clock.
  await partitions.ensurePartitions((await eventStore.loadStreams([])).now)

  const ledger = createPostgresIdempotencyLedger({ pool, address, sessions })
  owned.defer(() => ledger.close())

  return {
    connections: { pool, appendPool, listener },
    storeClock,
    routes,
    unusedRoutes: createPostgresUnusedRoutes({ pool }),
    events: {
      store: observer?.observeStore(health.store) ?? health.store,
      feed,
      submitKeys: createPostgresSubmitKeys({ pool }),
      partitions,
    },
    heads: createHeads(pool, routes),
    workers: {
      registry: createPostgresWorkerRegistry({ pool, address, clock, logger }),
      exclusiveWork: createPostgresExclusiveWork({ pool, clock }),
    },
    records: {
      ledger,
      progress: createPostgresProgressBoard({ pool }),
    },
    readHealth: () => [health.read()],
  }
}

export const createHeads = (pool: Pool, routes: PostgresRoutes): Heads => ({
  index: createPostgresTaskIndex({ pool, routes }),
  runnable: createPostgresRunnableIndex({ pool, routes }),
  runs: createPostgresRunIndex({ pool }),
})

const openPools = async (
  address: DatabaseAddress,
  { logger, onConnect }: { readonly logger: Logger; readonly onConnect: OnConnect },
  owned: AsyncDisposableStack,
) => {
  const sessions = await findSessionKind(address)
  if (sessions === 'shared') logger.info({}, 'found a pooler before the database: nothing is kept in its sessions')
  const open = async (most: number): Promise<Pool> => {
    const pool = await createPostgresPool(address, { connectionsMax: most, queryDeadlineMs, sessions, onConnect })
    owned.defer(() => pool.end())
    return pool
  }
  return { sessions, pool: await open(connectionsMax.queries), appendPool: await open(connectionsMax.appends) }
}
