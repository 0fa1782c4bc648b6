import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import {
  type Hint,
  type PulledHints,
  type PullRequest,
  queueIdsMax as queueIdsMaxOfPort,
  type TaskQueue,
} from '#application/ports/queue/task-queue.ts'
import { compareRanked } from '#domain/rank.ts'
import { messageOf, RedisUnavailableError } from '../connection/errors.ts'
import { groupByQueue, type KeyList, toQueueKey } from './queue-keys.ts'
import { toRankedIds } from './queue-replies.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import { type Taken, takeLowest } from './take-lowest.ts'
import { waitForAny } from './wait-for-any.ts'
import { createWaitingReads } from './waiting-reads.ts'

/** A TaskQueue that lets its connections go when it is closed. */
export interface RedisTaskQueue extends TaskQueue {
  /** Ends the pulls that wait: they reject. */
  close(): void
}

interface Options {
  readonly link: RedisLink
  readonly prefix: string
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>
  /** How many ids one route may hold; the port's number unless said otherwise. */
  readonly queueIdsMax?: number | undefined
}

const idsPerPullMax = 1_000
const waitMsMax = 10_000
const membersPerCommandMax = 1_000
/** A set nobody pushes to vanishes; the reconciler pushes to every set that has tasks waiting for it, every other second. */
const idleSetTtlSeconds = 3_600
const blockMsMax = 1_000

/**
 * A queue in Redis: for each route a sorted set of ids by rank, and equal ranks sort by id of themselves.
 *
 * A rank is a whole number far below 2^53, so a score holds it exactly. Nothing is remembered of an id that was taken, so an
 * old copy of the server brings back ids that were taken long ago; their tasks refuse to start and they are dropped.
 *
 * A server that has no memory left is emptied and then counts as away: it takes no hints, so none would ever come.
 *
 * With Redis away `push`, `pull` and `size` throw RedisUnavailableError at once; nothing is kept to be sent later. A pull that
 * is broken off may have taken ids that never arrive, which is a hint lost like any other.
 *
 * Connections: the link's for commands; one for each pull that waits, in a Cluster one for each of its queues, 32 at most.
 */
export const createRedisTaskQueue = (options: Options): RedisTaskQueue => {
  const { link, prefix, runtime, queueIdsMax = queueIdsMaxOfPort } = options
  const { clock, timers } = runtime
  const reads = createWaitingReads(link, timers)
  let turn = 0

  /** What one command may name together: the sets of one queue in a Cluster, and all of them on one server. */
  const listsOf = (routes: PullRequest['routes']): readonly KeyList[] => {
    const groups = groupByQueue(prefix, routes)
    return link.topology() === 'cluster' || groups.length === 0 ? groups : [groups.flat()]
  }

  const pullUntil = async (request: PullRequest, endsAtMs: number): Promise<Taken> => {
    let taken = await takeLowest(link, listsOf(request.routes), request.max)
    while (taken.members.length === 0 && !request.signal.aborted) {
      const waitMs = Math.min(blockMsMax, endsAtMs - clock.monotonicMs())
      if (waitMs <= 0) break
      turn += 1
      const lists = listsOf(request.routes)
      const found = await waitForAny({ link, reads, timers }, lists, { request, waitMs, turn })
      taken = found === 'look again' ? await takeLowest(link, lists, request.max) : found
    }
    return taken
  }

  return {
    push: async (hints) => {
      const groups = Map.groupBy(hints, ({ route }) => route.queue)
      await Promise.all([...groups.values()].map((group) => pushGroup(link, prefix, group, queueIdsMax)))
    },

    pull: async (request) => {
      assertWithin('max', request.max, 1, idsPerPullMax)
      assertWithin('waitMs', request.waitMs, 0, waitMsMax)
      if (request.signal.aborted) return { taskIds: [], left: 0 }
      const flaw = link.flaw()
      const endsAtMs = clock.monotonicMs() + (flaw === undefined ? request.waitMs : 0)
      const taken = await pullUntil(request, endsAtMs)
      if (flaw === undefined || taken.members.length > 0) return toPulledHints(taken)
      throw new RedisUnavailableError(`Redis takes no hints: ${messageOf(flaw)}`, { cause: flaw })
    },

    size: (route) => link.run((commands) => commands.zcard(toQueueKey(prefix, route))),
    close: () => reads.close(),
  }
}

const assertWithin = (name: string, value: number, least: number, most: number): void => {
  if (!(value >= least && value <= most)) throw new RangeError(`${name} must be ${least} to ${most}, not ${value}`)
}

const toPulledHints = ({ members, left }: Taken): PulledHints => ({
  taskIds: toRankedIds(members)
    .toSorted(compareRanked)
    .map(({ taskId }) => taskId),
  left,
})

/** One pipeline for the hints of one queue, whose sets share a slot. */
const pushGroup = (link: RedisLink, prefix: string, hints: readonly Hint[], queueIdsMax: number): Promise<void> =>
  link.run(async (commands) => {
    const pipeline = commands.pipeline()
    for (const [key, members] of Map.groupBy(hints, ({ route }) => toQueueKey(prefix, route))) {
      for (let start = 0; start < members.length; start += membersPerCommandMax) {
        const some = members.slice(start, start + membersPerCommandMax)
        pipeline.zadd(key, 'LT', ...some.flatMap(({ rank, taskId }) => [rank, taskId]))
      }
      pipeline.zremrangebyrank(key, queueIdsMax, -1)
      pipeline.expire(key, idleSetTtlSeconds)
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  })
