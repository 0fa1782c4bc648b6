import type { Hint } from '#application/ports/queue/task-queue.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import { toQueueKey } from './queue-keys.ts'

interface Options {
  readonly link: RedisLink
  readonly prefix: string
  /** How many ids one set may hold. */
  readonly queueIdsMax: number
}

const membersPerCommandMax = 1_000
/** A set without pushes vanishes. The reconciler pushes every two seconds to each set for which tasks are ready. */
const idleSetTtlSeconds = 3_600

/**
 * Adds hints to the sets of their routes, and drops from each of these sets the ids of the highest ranks beyond its bound.
 * Throws RedisUnavailableError.
 */
export const createBoundedPush =
  (options: Options) =>
  async (hints: readonly Hint[]): Promise<void> => {
    const groups = Map.groupBy(hints, ({ route }) => route.queue)
    await Promise.all([...groups.values()].map((group) => pushGroup(options, group)))
  }

/** One pipeline for the hints of one queue, whose sets share a slot. */
const pushGroup = ({ link, prefix, queueIdsMax }: Options, hints: readonly Hint[]): Promise<void> =>
  link.run(async (commands) => {
    const pipeline = commands.pipeline()
    for (const [key, members] of Map.groupBy(hints, ({ route }) => toQueueKey(prefix, route))) {
      for (let start = 0; start < members.length; start += membersPerCommandMax) {
        const part = members.slice(start, start + membersPerCommandMax)
        pipeline.zadd(key, 'LT', ...part.flatMap(({ rank, taskId }) => [rank, taskId]))
      }
      pipeline.zremrangebyrank(key, queueIdsMax, -1)
      pipeline.expire(key, idleSetTtlSeconds)
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  })
