import type { ReadHealth } from '#application/health/health.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import { parsePrefix } from '../queue/queue-keys.ts'
import { openRedisLink } from './redis-link.ts'
import { parseRedisUrl } from './redis-url.ts'
import { openRedisSignals } from '../signals/signals.ts'
import { createRedisTaskQueue } from '../queue/task-queue.ts'

/** The ports of one process that Redis serves. */
export interface ConnectedRedis {
  readonly queue: TaskQueue
  readonly signals: Signals
  /** One check, named `redis`. It turns within four seconds of losing or regaining a server that takes writes. */
  readonly readHealth: ReadHealth
  /** Ends the pulls that wait, and all connections. */
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
 * Connects one process to Redis. Resolves also when Redis is away: without it the process is slower, which is no reason not
 * to start. Attempts to connect go on, with at most a second between two.
 *
 * Connections of a process to one server: one for commands, one for signals, and one for each pull that waits at the same
 * time (one in a worker, none in an API), 32 at most. In a Cluster: for commands one a node and one that the client library
 * keeps for itself, one for signals, and for each pull that waits one for each of its queues, 32 at most.
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
