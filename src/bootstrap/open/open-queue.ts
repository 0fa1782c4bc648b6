import { createPostgresTaskQueue } from '#adapters/postgres/queue/task-queue.ts'
import { createPostgresSignals } from '#adapters/postgres/notifications/signals.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import type { ReadHealth } from '#application/health/health.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { Config } from '../config.ts'
import type { OpenedStore } from './open-store.ts'

export interface OpenedQueue {
  readonly kind: 'redis' | 'postgres'
  readonly queue: TaskQueue
  readonly signals: Signals
  readonly readHealth: ReadHealth
}

/**
 * Queue and signals: in Redis where `REDIS_URL` says so, otherwise in Postgres. To change from one to the other, or to
 * another Redis, takes nothing but a restart: the reconciler fills the new queue from the heads.
 */
export const openQueue = async (
  config: Config,
  { pool, routes, listener }: OpenedStore,
  logger: Logger,
  owned: AsyncDisposableStack,
): Promise<OpenedQueue> => {
  if (config.redisUrl !== undefined) {
    const { connectRedis } = await import('#adapters/redis/connection/connect-redis.ts')
    const runtime = { clock: systemClock, timers: systemTimers, random: Math.random, logger }
    const redis = await connectRedis({ url: config.redisUrl, prefix: config.redisPrefix, runtime })
    owned.defer(() => redis.close())
    return { kind: 'redis', queue: redis.queue, signals: redis.signals, readHealth: redis.readHealth }
  }
  const queue = createPostgresTaskQueue({ pool, routes, listener, logger })
  owned.defer(() => queue.close())
  const signals = createPostgresSignals({ pool, listener, logger })
  owned.defer(() => signals.close())
  return { kind: 'postgres', queue, signals, readHealth: () => [] }
}
