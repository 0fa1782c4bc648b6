import { createPostgresSignals } from '#adapters/postgres/notifications/signals.ts'
import { createPostgresTaskQueue } from '#adapters/postgres/queue/task-queue.ts'
import type { ReadHealth } from '#application/health/health.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { Config } from '../config.ts'
import type { OpenedStore } from './open-store.ts'

/** The queue of this process. */
export interface OpenedQueue {
  readonly kind: 'redis' | 'postgres'
  readonly queue: TaskQueue
  readonly signals: Signals
  readonly readHealth: ReadHealth
}

interface QueueSurroundings {
  readonly store: OpenedStore
  readonly runtime: Runtime
  /** What is put around the queue before its users see it. */
  readonly adapt: (queue: TaskQueue) => TaskQueue
}

/**
 * Queue and signals: in Redis where `REDIS_URL` says so, otherwise in Postgres. To change from one to the other, or to
 * another Redis, takes nothing but a restart: the reconciler fills the new queue from the heads.
 */
export const openQueue = async (
  config: Config,
  { store, runtime, adapt }: QueueSurroundings,
  owned: AsyncDisposableStack,
): Promise<OpenedQueue> => {
  if (config.redisUrl !== undefined) {
    const { connectRedis } = await import('#adapters/redis/connection/connect-redis.ts')
    const redis = await connectRedis({ url: config.redisUrl, prefix: config.redisPrefix, runtime })
    owned.defer(() => redis.close())
    return { kind: 'redis', queue: adapt(redis.queue), signals: redis.signals, readHealth: redis.readHealth }
  }
  const { logger } = runtime
  const {
    connections: { pool, listener },
    routes,
  } = store
  const queue = createPostgresTaskQueue({ pool, routes, listener, logger })
  owned.defer(() => queue.close())
  const signals = createPostgresSignals({ pool, listener, logger })
  owned.defer(() => signals.close())
  return { kind: 'postgres', queue: adapt(queue), signals, readHealth: () => [] }
}
