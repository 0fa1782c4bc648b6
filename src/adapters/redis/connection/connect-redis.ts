import type { ReadHealth } from '#application/health/health.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import { parsePrefix } from '../queue/queue-keys.ts'
import { openRedisLink } from './redis-link.ts'
import { parseRedisUrl } from './redis-url.ts'
import { openRedisSignals } from '../signals/signals.ts'
import { createRedisTaskQueue } from '../queue/task-queue.ts'

/** What one process needs of Redis. */
export interface ConnectedRedis {
  readonly queue: TaskQueue
  readonly signals: Signals
  /** One check, named `redis`. It turns within four seconds of losing or regaining a server that takes writes. */
  readonly readHealth: ReadHealth
  /** Ends the pulls that wait, and every connection. */
  close(): Promise<void>
}

interface Options {
  /** REDIS_URL, as parseRedisUrl takes it. */
  readonly url: string
  /** REDIS_PREFIX: before every key and channel, so that several fleets may share a server. */
  readonly prefix: string
  readonly runtime: Omit<Runtime, 'count'>
  /** How many ids one route may hold; the port's number unless said otherwise. */
  readonly queueIdsMax?: number
}

/**
 * Connects one process to Redis. It resolves also when Redis is away, which makes the process slower and is no reason not
 * to start; it is asked again, at most every second, until it is there.
 *
 * Connections of a process to one server: one for commands, one that hears signals, and one for each pull that waits at
 * once (so one for a worker, none for an API), 32 at most. In a Cluster: for commands one a node and one that the client
 * library keeps for itself, one that hears signals, and for each pull that waits one for each of its queues, 32 at most.
 *
 * Throws ConfigurationError for a URL or a prefix that is malformed, and StartupError for a server older than 7.0.
 */
export const connectRedis = async (options: Options): Promise<ConnectedRedis> => {
  const { runtime, queueIdsMax } = options
  const prefix = parsePrefix(options.prefix)
  const link = await openRedisLink({ target: parseRedisUrl(options.url), prefix, runtime })
  const signals = await openRedisSignals({ link, prefix, runtime })
  const queue = createRedisTaskQueue({ link, prefix, runtime, queueIdsMax })
  return {
    queue,
    signals,
    readHealth: () => [link.readHealth()],
    close: async () => {
      queue.close()
      await Promise.all([signals.close(), link.close()])
    },
  }
}
