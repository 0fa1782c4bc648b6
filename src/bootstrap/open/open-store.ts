import { createPostgresEventFeed } from '#adapters/postgres/events/event-feed.ts'
import { createPostgresEventStore } from '#adapters/postgres/events/event-store.ts'
import { createPostgresIdempotencyLedger } from '#adapters/postgres/ledger/idempotency-ledger.ts'
import { adoptInstallation } from '#adapters/postgres/events/installation.ts'
import { createPostgresPartitions } from '#adapters/postgres/events/partitions.ts'
import { createPostgresExclusiveWork } from '#adapters/postgres/workers/exclusive-work.ts'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { createPostgresProgressBoard } from '#adapters/postgres/ledger/progress-board.ts'
import { createPostgresRoutes } from '#adapters/postgres/heads/routes.ts'
import { createPostgresRunIndex } from '#adapters/postgres/heads/run-index.ts'
import { createPostgresRunnableIndex } from '#adapters/postgres/heads/runnable-index.ts'
import { findSessionKind } from '#adapters/postgres/connection/session-kind.ts'
import { startEmbeddedPostgres } from '#adapters/postgres/embedded/embedded-postgres.ts'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { createPostgresListener } from '#adapters/postgres/notifications/listener.ts'
import { createEstimatedStoreClock } from '#adapters/postgres/events/store-clock.ts'
import { createPostgresSubmitKeys } from '#adapters/postgres/events/submit-keys.ts'
import { createPostgresTaskIndex } from '#adapters/postgres/heads/task-index.ts'
import { createPostgresWorkerRegistry } from '#adapters/postgres/workers/worker-registry.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createFeedBarrierWatch } from '#application/health/feed-barrier-watch.ts'
import { watchStore } from '#application/health/store-health.ts'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Config } from '../config.ts'

/**
 * Connections of one process to Postgres: these, one that hears notifications, and a heartbeat's for each incarnation of a
 * worker. Appends have some for themselves, as many as flushes may be under way: their plans are large, and the fewer
 * server processes keep them the quicker each is.
 */
const connectionsMax = { appends: 3, queries: 6 }

/** A query is given up after this; callers are answered within two seconds. */
const queryDeadlineMs = 1_500

export interface DatabasePlace {
  readonly url: string
  /** Past any pooler. */
  readonly directUrl: string
  /** Stops the embedded server without waiting for it; does nothing for any other. */
  abandon(): void
}

/** Finds the database of the configuration, or starts the embedded one, which `owned` then stops. Throws StartupError. */
export const openDatabase = async (
  config: Config,
  logger: Logger,
  owned: AsyncDisposableStack,
): Promise<DatabasePlace> => {
  if (config.databaseUrl !== undefined) {
    return { url: config.databaseUrl, directUrl: config.databaseDirectUrl ?? config.databaseUrl, abandon: () => {} }
  }
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, logger })
  owned.defer(() => embedded.stop())
  return { url: embedded.url, directUrl: embedded.url, abandon: () => void embedded.stop() }
}

/** Every driven port that Postgres serves, over two pools that `owned` ends. Migrates first. Throws StartupError. */
export const openStore = async (
  { url, directUrl }: DatabasePlace,
  logger: Logger,
  owned: AsyncDisposableStack,
  commits?: CommitObserver,
) => {
  await migrate({ url: directUrl, logger })
  const sessions = await findSessionKind(url)
  if (sessions === 'shared') logger.info({}, 'found a pooler before the database: nothing is kept in its sessions')
  const openPool = async (most: number) => {
    const opened = await createPostgresPool(url, { connectionsMax: most, queryDeadlineMs, sessions })
    owned.defer(() => opened.end())
    return opened
  }
  const [pool, appendPool] = [await openPool(connectionsMax.queries), await openPool(connectionsMax.appends)]
  await adoptInstallation({ pool, logger })
  const monotonicMs = (): number => systemClock.monotonicMs()
  const storeClock = createEstimatedStoreClock(monotonicMs)
  const routes = createPostgresRoutes({ pool })
  const eventStore = createPostgresEventStore({ pool, appendPool, routes, storeClock, monotonicMs, commits })
  owned.defer(() => eventStore.close())
  const health = watchStore({ store: eventStore, clock: systemClock, timers: systemTimers })
  owned.defer(() => health.close())
  const listener = createPostgresListener({ url: directUrl, pool, logger })
  owned.defer(() => listener.close())
  const feed = createPostgresEventFeed({ pool })
  const barrier = createFeedBarrierWatch({ feed, clock: systemClock, timers: systemTimers, logger })
  barrier.start()
  owned.defer(() => barrier.close())
  const partitions = createPostgresPartitions({ pool })
  await partitions.ensurePartitions()
  return {
    pool,
    pools: [pool, appendPool],
    storeClock,
    routes,
    listener,
    partitions,
    store: health.store,
    readHealth: () => [health.read()],
    feed,
    readFeedBarrier: () => barrier.read(),
    ledger: createPostgresIdempotencyLedger({ pool }),
    progress: createPostgresProgressBoard({ pool }),
    index: createPostgresTaskIndex({ pool, routes }),
    runnable: createPostgresRunnableIndex({ pool, routes }),
    runs: createPostgresRunIndex({ pool }),
    registry: createPostgresWorkerRegistry({ pool, url, clock: systemClock, logger }),
    exclusiveWork: createPostgresExclusiveWork({ pool }),
    submitKeys: createPostgresSubmitKeys({ pool }),
  }
}

export type OpenedStore = Awaited<ReturnType<typeof openStore>>
