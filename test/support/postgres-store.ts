import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { createPostgresEventFeed } from '#adapters/postgres/events/event-feed.ts'
import { createPostgresEventStore, type PostgresEventStore } from '#adapters/postgres/events/event-store.ts'
import { createPostgresIdempotencyLedger } from '#adapters/postgres/ledger/idempotency-ledger.ts'
import { createPostgresPartitions } from '#adapters/postgres/events/partitions.ts'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { createPostgresProgressBoard } from '#adapters/postgres/ledger/progress-board.ts'
import { createPostgresRoutes } from '#adapters/postgres/heads/routes.ts'
import { createPostgresRunIndex } from '#adapters/postgres/heads/run-index.ts'
import { createPostgresRunnableIndex } from '#adapters/postgres/heads/runnable-index.ts'
import { createPostgresSubmitKeys } from '#adapters/postgres/events/submit-keys.ts'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { createEstimatedStoreClock } from '#adapters/postgres/events/store-clock.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createPostgresTaskIndex } from '#adapters/postgres/heads/task-index.ts'
import { silentLogger } from './silent-logger.ts'
import { createTestDatabase } from './test-database.ts'
import { toAddress } from './database-address.ts'

/** The event store and read models of one process over a database of its own. */
export type PostgresStoreWorld = Awaited<ReturnType<typeof openPostgresStore>>

interface Options {
  readonly connectionsMax?: number
  readonly queryDeadlineMs?: number
  readonly limits?: Parameters<typeof createPostgresEventStore>[0]['limits']
  readonly commits?: CommitObserver
}

const monotonicMs = (): number => performance.now()

/** How long a verdict may take on a machine that is busy: no test of these stores is about the two seconds of a process. */
const patientMs = 20_000

/** What one process of a fleet has open on a database. The caller closes it. */
export const connectPostgresStore = async (
  url: string,
  { connectionsMax = 6, queryDeadlineMs = patientMs, limits = {}, commits }: Options = {},
) => {
  const pool: DatabasePool = await createPostgresPool(toAddress(url), { connectionsMax, queryDeadlineMs })
  const routes = createPostgresRoutes({ pool })
  const storeClock = createEstimatedStoreClock(monotonicMs)
  const store: PostgresEventStore = createPostgresEventStore({
    pool,
    routes,
    storeClock,
    clock: { monotonicMs },
    timers: systemTimers,
    limits: { verdictDeadlineMs: patientMs, ...limits },
    commits,
  })
  const ledger = createPostgresIdempotencyLedger({ pool, address: toAddress(url) })
  return {
    pool,
    routes,
    storeClock,
    store,
    partitions: createPostgresPartitions({ pool }),
    feed: createPostgresEventFeed({ pool }),
    ledger,
    notes: {
      read: () => pool.anyFirst(sql.type(z.object({ note: z.string() }))`select note from notes order by note`),
    },
    progress: createPostgresProgressBoard({ pool }),
    index: createPostgresTaskIndex({ pool, routes }),
    runnable: createPostgresRunnableIndex({ pool, routes }),
    runs: createPostgresRunIndex({ pool }),
    submitKeys: createPostgresSubmitKeys({ pool }),
    close: async (): Promise<void> => {
      await store.close()
      await ledger.close()
      await pool.end()
    },
  }
}

/** The same on a new, migrated database, which goes when it is closed. */
export const openPostgresStore = async (options: Options = {}) => {
  const database = await createTestDatabase()
  await migrate({ address: toAddress(database.url), logger: silentLogger })
  const process = await connectPostgresStore(database.url, options)
  await process.pool.query(sql.unsafe`create table notes (note text primary key)`)
  await process.partitions.ensurePartitions((await process.store.loadStreams([])).now)
  return {
    ...process,
    url: database.url,
    close: async (): Promise<void> => {
      await process.close()
      await database.close()
    },
  }
}
