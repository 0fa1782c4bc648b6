import { setTimeout as sleep } from 'node:timers/promises'
import { connectRedis } from '#adapters/redis/connection/connect-redis.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { silentLogger } from './silent-logger.ts'
import { makeName } from './task-builders.ts'

/** A prefix that no other test uses. */
export const makePrefix = (): string => `taskfold-test-${makeName()}`

interface Options {
  readonly url: string
  readonly prefix?: string
  readonly logger?: Logger
  readonly queueIdsMax?: number
}

/** One process of a fleet; the caller closes it. */
export const connectTo = ({ prefix = makePrefix(), logger = silentLogger, ...rest }: Options) =>
  connectRedis({
    ...rest,
    prefix,
    runtime: { clock: systemClock, timers: systemTimers, random: Math.random, logger },
  })

const queueIdsMax = 200

/** Two processes of a fleet with the ports that Redis is behind, over the server or the Cluster at `url`. */
export const createRedisWorld = async (url: string, closeServers: () => Promise<void> = () => Promise.resolve()) => {
  const prefix = makePrefix()
  const [here, there] = await Promise.all([
    connectTo({ url, prefix, queueIdsMax }),
    connectTo({ url, prefix, queueIdsMax }),
  ])
  return {
    queue: here.queue,
    queueElsewhere: there.queue,
    queueIdsMax,
    signals: here.signals,
    signalsElsewhere: there.signals,
    advance: (ms: number): Promise<void> => sleep(ms),
    close: async () => {
      await Promise.all([here.close(), there.close()])
      await closeServers()
    },
  }
}
