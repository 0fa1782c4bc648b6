import { hostname } from 'node:os'
import { withDatabaseErrors } from '#adapters/postgres/connection/database-error.ts'
import { createProcessIsolation } from '#adapters/worker/isolation/process-isolation.ts'
import { createWorker, type Worker } from '#adapters/worker/worker.ts'
import type { QueueDepth } from '#application/hints/queue-depth.ts'
import { type Config, readEnvironmentWithoutSecrets } from '../config.ts'
import { toHandlerSettings } from '../open/open-handlers.ts'
import type { Foundation } from './foundation.ts'

/** What a run in a process of its own begins with. */
const isolatedRunEntry = new URL('../isolated-run.ts', import.meta.url)

interface HintSources {
  readonly queueDepth: QueueDepth
}

/** Resolves when the worker pulls. `owned` drains it. Throws StartupError. */
export const startWorker = async (
  config: Config,
  { handlers, database, observation, runtime, store, queue, identities, lanes, announcer }: Foundation,
  { queueDepth }: HintSources,
  owned: AsyncDisposableStack,
): Promise<Worker> => {
  const isolation = createProcessIsolation({
    entry: isolatedRunEntry,
    processesMax: config.isolatedMax,
    settings: toHandlerSettings(config),
    timers: runtime.timers,
    logger: runtime.logger,
    leaseMs: config.leaseMs,
    environment: readEnvironmentWithoutSecrets(),
  })
  owned.defer(() => isolation.close())
  const worker = createWorker(
    {
      runtime,
      heads: store.heads,
      records: {
        store: store.events.store,
        ledger: store.records.ledger,
        progressBoard: store.records.progress,
        runObserver: observation.runObserver,
      },
      hints: { queue: queue.queue, queueDepth, lanes, signals: queue.signals, announcer },
      registry: store.workers.registry,
      identities,
      handlers,
      isolation,
    },
    {
      queues: config.queues,
      concurrency: config.concurrency,
      leaseMs: config.leaseMs,
      beatMs: config.beatMs,
      drainMs: config.drainMs,
      host: hostname(),
      pid: process.pid,
    },
  )
  await withDatabaseErrors(database.address, () => worker.start())
  owned.defer(() => worker.drain())
  return worker
}
