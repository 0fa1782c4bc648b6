import type { QueueDepth } from '#application/hints/queue-depth.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import { createMaintenance } from '#application/recovery/recovery.ts'
import { createDailyPartitions } from '#application/upkeep/daily-partitions.ts'
import { createKeyPurge } from '#application/upkeep/key-purge.ts'
import type { Config } from '../config.ts'
import type { Foundation } from './foundation.ts'

interface RecoverySources {
  readonly routes: Routes
  /** Written by the worker of this process, if it has one. */
  readonly queueDepth: QueueDepth
}

/** Every process makes partitions; those that work or maintain also recover and forget old keys of submissions. */
export const startRecovery = (
  config: Config,
  { runtime, store, queue, identities, announcer }: Foundation,
  { routes, queueDepth }: RecoverySources,
  owned: AsyncDisposableStack,
): void => {
  const { events, heads, workers } = store
  const { clock, timers, logger, count } = runtime

  const partitions = createDailyPartitions({ clock, timers, logger }, () => events.partitions.ensurePartitions())
  partitions.start()
  owned.defer(() => partitions.close())
  if (!config.roles.includes('worker') && !config.roles.includes('maintenance')) return

  const maintenance = createMaintenance(
    {
      store: events.store,
      index: heads.index,
      runnable: heads.runnable,
      runs: heads.runs,
      routes,
      queue: queue.queue,
      queueDepth,
      registry: workers.registry,
      exclusiveWork: workers.exclusiveWork,
      announcer,
      identities,
      clock,
      timers,
      logger,
      count,
    },
    { leaseMs: config.leaseMs, sweepMs: config.sweepMs, reconcileMs: config.reconcileMs },
  )
  maintenance.start()
  owned.defer(() => maintenance.close())

  const keyPurge = createKeyPurge({
    submitKeys: events.submitKeys,
    exclusiveWork: workers.exclusiveWork,
    clock,
    timers,
    logger,
  })
  keyPurge.start()
  owned.defer(() => keyPurge.close())
}
