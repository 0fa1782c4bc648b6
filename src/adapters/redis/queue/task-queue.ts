import {
  type PulledHints,
  type PullRequest,
  queueIdsMax as queueIdsMaxOfPort,
  type TaskQueue,
} from '#application/ports/queue/task-queue.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { findTaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'
import { messageOf, RedisUnavailableError } from '../connection/errors.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import { createBlockingPulls } from './blocking-pulls.ts'
import { createBoundedPush } from './bounded-push.ts'
import { groupByQueue, type KeyList, toQueueKey } from './queue-keys.ts'
import { type TakenMembers, takeLowest } from './take-lowest.ts'

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
const blockMsMax = 1_000

/**
 * A queue in Redis: for each route a sorted set of ids by rank, in which equal ranks sort by id.
 *
 * A rank is a whole number far below 2^53, so a score holds it exactly. The server remembers nothing of an id that was taken,
 * so a server restored from an old copy hands out ids that were taken long ago; their tasks refuse to start, and the ids are
 * dropped.
 *
 * A server that has no memory left is emptied and then counts as away: it takes no hints, so none would ever come.
 *
 * While Redis is away `push`, `pull` and `size` throw RedisUnavailableError at once; nothing is kept to be sent later. A pull
 * that is broken off may have taken ids that never arrive, which are lost hints like any other.
 *
 * Connections: the link's for commands; one for each pull that waits, in a Cluster one for each of its queues, 32 at most.
 */
export const createRedisTaskQueue = (options: Options): RedisTaskQueue => {
  const { link, prefix, runtime, queueIdsMax = queueIdsMaxOfPort } = options
  const { clock, timers } = runtime
  const blockingPulls = createBlockingPulls(link, timers)
  let rotation = 0

  /** A list for each command: in a Cluster one command names the sets of one queue, on one server it names all sets. */
  const listsOf = (routes: PullRequest['routes']): readonly KeyList[] => {
    const groups = groupByQueue(prefix, routes)
    return link.topology() === 'cluster' || groups.length === 0 ? groups : [groups.flat()]
  }

  const pullUntil = async ({ routes, max, signal }: PullRequest, endsAtMs: number): Promise<TakenMembers> => {
    let taken = await takeLowest(link, listsOf(routes), max)
    while (taken.members.length === 0 && !signal.aborted) {
      const waitMs = Math.min(blockMsMax, endsAtMs - clock.monotonicMs())
      if (waitMs <= 0) break
      rotation += 1
      // Anew for each wait: a connection made meanwhile may lead to a Cluster.
      const lists = listsOf(routes)
      const found = await blockingPulls.waitForAny({ lists, max, waitMs, signal, rotation })
      taken = found === 'check-again' ? await takeLowest(link, lists, max) : found
    }
    return taken
  }

  return {
    push: createBoundedPush({ link, prefix, queueIdsMax }),

    pull: async (request) => {
      assertWithin('max', request.max, 1, idsPerPullMax)
      assertWithin('waitMs', request.waitMs, 0, waitMsMax)
      if (request.signal.aborted) return { taskIds: [], left: 0 }
      const outOfMemory = link.outOfMemory()
      const endsAtMs = clock.monotonicMs() + (outOfMemory === undefined ? request.waitMs : 0)
      const taken = await pullUntil(request, endsAtMs)
      if (outOfMemory === undefined || taken.members.length > 0) return toPulledHints(taken)
      throw new RedisUnavailableError(`Redis takes no hints: ${messageOf(outOfMemory)}`, { cause: outOfMemory })
    },

    size: (route) => link.run((commands) => commands.zcard(toQueueKey(prefix, route))),
    close: () => blockingPulls.close(),
  }
}

const assertWithin = (name: string, value: number, least: number, most: number): void => {
  if (!(value >= least && value <= most)) throw new RangeError(`${name} must be ${least} to ${most}, not ${value}`)
}

/** A member that is no task id was added by another program, and is dropped. */
const toPulledHints = ({ members, left }: TakenMembers): PulledHints => ({
  taskIds: members
    .flatMap(({ member, rank }) => {
      const taskId = findTaskId(member)
      return taskId === undefined ? [] : { taskId, rank }
    })
    .toSorted(compareRanked)
    .map(({ taskId }) => taskId),
  left,
})
