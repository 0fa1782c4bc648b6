import type { QueueDepth } from '#application/hints/queue-depth.ts'
import { createRecovery } from '#application/recovery/recovery.ts'
import { createKeyPurge } from '#application/upkeep/key-purge.ts'
import { createPartitionUpkeep } from '#application/upkeep/partition-upkeep.ts'
import { createRouteUpkeep } from '#application/upkeep/route-upkeep.ts'
import type { Config } from '../config.ts'
import type { Foundation } from './foundation.ts'

interface RecoverySources {
  /** Written by the worker of this process, if it has one. */
  readonly queueDepth: QueueDepth
}

/** Every process makes partitions; those that work or maintain also recover and forget old keys of submissions and routes without tasks. */
export const startRecovery = (
  config: Config,
  { runtime, store, steadyClock, workers: workerReads, queue, identities, lanes, announcer }: Foundation,
  { queueDepth }: RecoverySources,
  owned: AsyncDisposableStack,
): void => {
  const { events, heads, workers } = store
  const { partitions, submitKeys } = events

  const upkeep = createPartitionUpkeep({ partitions, steadyClock, runtime })
  upkeep.start()
  owned.defer(() => upkeep.close())
  if (!config.roles.includes('worker') && !config.roles.includes('maintenance')) return

  const recovery = createRecovery(
    {
      store: events.store,
      heads,
      workers: workerReads,
      hints: { queue: queue.queue, lanes, queueDepth, announcer },
      fleet: workers,
      identities,
      storeClock: store.storeClock,
      runtime,
    },
    { leaseMs: config.leaseMs, sweepMs: config.sweepMs, reconcileMs: config.reconcileMs },
  )
  recovery.start()
  owned.defer(() => recovery.close())

  const keyPurge = createKeyPurge({ submitKeys, exclusiveWork: workers.exclusiveWork, steadyClock, runtime })
  keyPurge.start()
  owned.defer(() => keyPurge.close())

  const { unusedRoutes } = store
  const routeUpkeep = createRouteUpkeep({ unusedRoutes, exclusiveWork: workers.exclusiveWork, steadyClock, runtime })
  routeUpkeep.start()
  owned.defer(() => routeUpkeep.close())
}
