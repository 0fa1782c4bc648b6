import { setTimeout as sleep } from 'node:timers/promises'
import { type DatabasePool } from 'slonik'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { createPostgresTaskQueue, type PostgresTaskQueue } from '#adapters/postgres/queue/task-queue.ts'
import type { DeadRowsLimits } from '#adapters/postgres/queue/dead-rows.ts'
import { createPostgresRoutes, type PostgresRoutes } from '#adapters/postgres/heads/routes.ts'
import { createPostgresListener, type PostgresListener } from '#adapters/postgres/notifications/listener.ts'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { createTestDatabase } from '../../../support/test-database.ts'
import { toAddress } from '../../../support/database-address.ts'

/** What one process of a fleet has of Postgres. */
export interface FleetProcess {
  readonly pool: DatabasePool
  readonly routes: PostgresRoutes
  readonly listener: PostgresListener
  createQueue(options?: QueueOptions): PostgresTaskQueue
}

interface QueueOptions {
  readonly queueIdsMax?: number
  readonly deadRows?: DeadRowsLimits
  readonly readAllEveryMs?: number
  /** In place of the process's own. */
  readonly listener?: PostgresListener
  readonly logger?: Logger
}

export interface Fleet {
  readonly url: string
  /** Starts a process and waits until it listens. */
  startProcess(): Promise<FleetProcess>
  /** Closes everything that was made through it. */
  close(): Promise<void>
}

/** Processes that share a database of a test's own; they differ by their pools and listeners. */
export const createFleet = async (): Promise<Fleet> => {
  const database = await createTestDatabase()
  await migrate({ address: toAddress(database.url), logger: silentLogger })
  const closers: (() => Promise<void>)[] = [() => database.close()]

  const startProcess = async (): Promise<FleetProcess> => {
    const pool = await createPostgresPool(toAddress(database.url), { connectionsMax: 8, queryDeadlineMs: 10_000 })
    closers.unshift(() => pool.end())
    const routes = createPostgresRoutes({ pool })
    const listener = createPostgresListener({
      address: toAddress(database.url),
      pool,
      logger: silentLogger,
      probeEveryMs: 200,
      answerDeadlineMs: 1_000,
    })
    closers.unshift(() => listener.close())
    await waitUntil(() => listener.state() === 'listening')
    return {
      pool,
      routes,
      listener,
      createQueue: (options = {}) => {
        const queue = createPostgresTaskQueue({ pool, routes, listener, logger: silentLogger, ...options })
        closers.unshift(() => queue.close())
        return queue
      },
    }
  }

  return {
    url: database.url,
    startProcess,
    close: async () => {
      for (const close of closers.splice(0)) await close()
    },
  }
}

const stepMs = 10
const stepsMax = 1_500

/** Waits until `holds` does. Throws after a quarter of a minute. */
export const waitUntil = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let step = 0; step < stepsMax; step += 1) {
    if (await holds()) return
    await sleep(stepMs)
  }
  throw new Error(`what was waited for did not come within ${stepMs * stepsMax} ms`)
}
