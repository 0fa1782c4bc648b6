import type { DatabaseAddress } from '#adapters/postgres/connection/database-address.ts'
import { createPostgresDatabaseProbe } from '#adapters/postgres/doctor/database-probe.ts'
import { createPostgresStoreProbe } from '#adapters/postgres/doctor/store-probe.ts'
import { createPostgresTaskProbe } from '#adapters/postgres/doctor/task-probe.ts'
import { createPostgresEventFeed } from '#adapters/postgres/events/event-feed.ts'
import { createPostgresEventStore } from '#adapters/postgres/events/event-store.ts'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { createPostgresRoutes } from '#adapters/postgres/heads/routes.ts'
import { createEstimatedStoreClock } from '#adapters/postgres/events/store-clock.ts'
import { createPostgresEffectRecords } from '#adapters/postgres/ledger/effect-records.ts'
import { createPostgresWorkerRegistry } from '#adapters/postgres/workers/worker-registry.ts'
import { findSessionKind } from '#adapters/postgres/connection/session-kind.ts'
import { createRedisServerProbe } from '#adapters/redis/connection/server-probe.ts'
import { examine, type OpenedForExamination } from '#application/diagnosis/examine.ts'
import { type Finding, severityOf, trouble } from '#application/diagnosis/finding.ts'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { Config } from '../config.ts'
import { createRuntime } from '../open/create-runtime.ts'
import { findDatabase } from '../open/open-database.ts'
import { createHeads } from '../open/open-store.ts'
import { release } from '../release.ts'

export interface DoctorOptions {
  /** `json`: one document on standard output, for programs. */
  readonly form: 'text' | 'json'
}

/**
 * Examines the installation that the settings name, changes nothing, starts nothing, and prints each finding with what to
 * do about it. Answers whether there is trouble.
 */
export const runDoctor = async (
  config: Config,
  logger: Logger,
  owned: AsyncDisposableStack,
  { form }: DoctorOptions,
): Promise<'trouble' | 'well'> => {
  const findings = await examineInstallation(config, logger, owned)
  const status = severityOf(findings)
  const { name, version } = release
  process.stdout.write(form === 'json' ? `${JSON.stringify({ name, version, status, findings })}\n` : toText(findings))
  return status === 'trouble' ? 'trouble' : 'well'
}

const examineInstallation = async (
  config: Config,
  logger: Logger,
  owned: AsyncDisposableStack,
): Promise<readonly Finding[]> => {
  const found = await findDatabase(config, logger)
  if (found instanceof StartupError) {
    return [trouble('database-unreachable', found.message, 'set DATABASE_URL, or TASKFOLD_DATA_DIR and `npm start`')]
  }
  const { address, directAddress } = found
  const runtime = createRuntime(logger)
  return examine({
    database: createPostgresDatabaseProbe({ address, directAddress }),
    queueServer: config.redisUrl === undefined ? undefined : createRedisServerProbe({ url: config.redisUrl }),
    openStore: () => openForExamination(address, runtime, owned),
    clock: runtime.clock,
    timers: runtime.timers,
  })
}

/** Fewer connections than checks: they wait for one another rather than for a server that has none left. */
const connectionsMax = 5
/** A check may cost more than a query of the application. */
const queryDeadlineMs = 1_700

const openForExamination = async (
  address: DatabaseAddress,
  { clock, timers, random, logger }: Runtime,
  owned: AsyncDisposableStack,
): Promise<OpenedForExamination> => {
  const pool = await createPostgresPool(address, {
    connectionsMax,
    queryDeadlineMs,
    sessions: await findSessionKind(address),
  })
  owned.defer(() => pool.end())
  const monotonicMs = (): number => clock.monotonicMs()
  const routes = createPostgresRoutes({ pool })
  const store = createPostgresEventStore({
    pool,
    routes,
    storeClock: createEstimatedStoreClock(monotonicMs),
    clock,
    timers,
  })
  owned.defer(() => store.close())
  return {
    storeProbe: createPostgresStoreProbe({ pool }),
    taskProbe: createPostgresTaskProbe({ pool }),
    history: { store, feed: createPostgresEventFeed({ pool }) },
    registry: createPostgresWorkerRegistry({ pool, address, clock, logger }),
    heads: createHeads(pool, routes),
    ledger: createPostgresEffectRecords({ pool }),
    hostNow: () => Date.now(),
    random,
  }
}

const marks = { ok: 'ok     ', warning: 'warning', trouble: 'TROUBLE' } as const

const toText = (findings: readonly Finding[]): string =>
  findings
    .map(({ code, severity, what, toDo }) => {
      const advice = toDo === undefined ? '' : `\n        ${toDo}`
      return `${marks[severity]} ${code}: ${what}${advice}\n`
    })
    .join('')
