import type { Redis } from 'ioredis'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import { messageOf, RedisUnavailableError, withRedisDeadline } from '../connection/errors.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import type { NodeAddress } from '../connection/redis-url.ts'
import { type BlockingConnection, createBlockingConnections } from './blocking-connections.ts'
import { type KeyList, rotate } from './queue-keys.ts'
import { type RankedMember, type TakenMembers, toMembers } from './take-lowest.ts'

/** Pulls that found all their sets empty and wait in BZMPOP. */
export interface BlockingPulls {
  /**
   * Waits until a set has members, and takes up to `max` of them. `check-again` when none came and some sets could not be
   * waited for: all connections were in use, or a slot was being moved. Throws RedisUnavailableError.
   */
  waitForAny(wait: Wait): Promise<TakenMembers | 'check-again'>
  /** Ends the waits: they reject. */
  close(): void
}

export interface Wait {
  /** One read waits for each list, on a connection of its own. */
  readonly lists: readonly KeyList[]
  readonly max: number
  /** At most a second. */
  readonly waitMs: number
  readonly signal: AbortSignal
  /** Rises with each wait: BZMPOP takes from the first set that has members, so each set must come first in its turn. */
  readonly rotation: number
}

/** Between two checks while no connection is free to wait on. */
const checkEveryMs = 100

export const createBlockingPulls = (link: RedisLink, timers: Timers): BlockingPulls => {
  const reads = createBlockingReads(link, timers)
  return {
    waitForAny: async ({ lists, max, waitMs, signal, rotation }) => {
      const found = new AbortController()
      const over = AbortSignal.any([signal, found.signal])
      const settled = await Promise.allSettled(
        rotate(lists, rotation).map(async (keys) => {
          const popped = await reads.read({ keys: rotate(keys, rotation), max, waitMs, signal: over })
          if (popped !== 'no-connection' && popped.members.length > 0) found.abort()
          return popped
        }),
      )
      const popped = settled.flatMap((result) =>
        result.status === 'fulfilled' && result.value !== 'no-connection' ? result.value : [],
      )
      const failed = settled.find((result) => result.status === 'rejected')
      const isEmpty = popped.every(({ members }) => members.length === 0)
      if (failed !== undefined && isEmpty) throw failed.reason
      if (popped.length === 0) await timers.sleep(Math.min(checkEveryMs, waitMs), signal)
      if (isEmpty && (popped.length < lists.length || lists.length === 0)) return 'check-again'
      return {
        members: await giveBackExcess(link, popped, max),
        left: popped.reduce((sum, { left }) => sum + left, 0),
      }
    },
    close: reads.close,
  }
}

/** Several queues of a Cluster may answer at once, each with up to `max` members. */
const giveBackExcess = async (
  link: RedisLink,
  popped: readonly PoppedMembers[],
  max: number,
): Promise<readonly RankedMember[]> => {
  const all = popped.flatMap(({ key, members }) => members.map(({ member, rank }) => ({ key, member, rank })))
  await Promise.allSettled(
    all
      .slice(max)
      .map(async ({ key, member, rank }) => key && link.run((commands) => commands.zadd(key, 'LT', rank, member))),
  )
  return all.slice(0, max)
}

interface BlockingRead {
  /** Of one slot: BZMPOP cannot wait for sets of several. */
  readonly keys: KeyList
  readonly max: number
  readonly waitMs: number
  readonly signal: AbortSignal
}

interface PoppedMembers {
  /** The set they were in; undefined when none were popped. */
  readonly key: string | undefined
  readonly members: readonly RankedMember[]
  /** How many members all the sets hold now. */
  readonly left: number
}

/** How many connections of one process may wait at once. */
export const blockingConnectionsMax = 32

const nothing: PoppedMembers = { key: undefined, members: [], left: 0 }
const graceMs = 1_000
const unblockEveryMs = 50
const unblocksMax = 40
const movesMax = 3
const addressesMax = 10_000

const createBlockingReads = (link: RedisLink, timers: Timers) => {
  const connections = createBlockingConnections(link, blockingConnectionsMax)
  /** Where a Cluster's sets were found, by `addressKey`. */
  const addresses = new Map<string, NodeAddress>()
  let inUse = 0

  /** When the signal aborts, the server is asked to end the read, and the members popped by then are the answer. */
  const popOnce = async (request: BlockingRead): Promise<PoppedMembers> => {
    const connection = await connections.take(addresses.get(addressKey(request)))
    const finished = new AbortController()
    const unblock = (): void => void unblockUntil(finished.signal, { link, timers }, connection)
    request.signal.addEventListener('abort', unblock)
    try {
      const popped = request.signal.aborted ? nothing : await pop(connection.socket, request)
      connections.giveBack(connection)
      return popped
    } catch (error) {
      connection.socket.disconnect()
      throw error
    } finally {
      finished.abort()
      request.signal.removeEventListener('abort', unblock)
    }
  }

  const popFollowingMoves = async (request: BlockingRead): Promise<PoppedMembers | 'no-connection'> => {
    for (let moves = 0; ; moves += 1) {
      try {
        return await popOnce(request)
      } catch (error) {
        const address = findNewAddress(messageOf(error))
        if (address === undefined && !/^(ASK|TRYAGAIN|CLUSTERDOWN|MOVED) /.test(messageOf(error))) {
          addresses.delete(addressKey(request))
          throw new RedisUnavailableError(messageOf(error), { cause: error })
        }
        if (address === undefined || moves === movesMax) return 'no-connection'
        if (addresses.size >= addressesMax) addresses.clear()
        addresses.set(addressKey(request), address)
      }
    }
  }

  return {
    read: async (request: BlockingRead): Promise<PoppedMembers | 'no-connection'> => {
      if (inUse >= blockingConnectionsMax) return 'no-connection'
      inUse += 1
      try {
        return await popFollowingMoves(request)
      } finally {
        inUse -= 1
      }
    },
    close: connections.close,
  }
}

/** Counting goes out behind the read on the same connection, so it costs no round trip. */
const pop = async (socket: Redis, { keys, max, waitMs }: BlockingRead): Promise<PoppedMembers> => {
  const pipeline = socket.pipeline()
  pipeline.bzmpop(Math.max(waitMs, 1) / 1_000, keys.length, [...keys], 'MIN', 'COUNT', max)
  for (const key of keys) pipeline.zcard(key)
  const [first, ...counts] = (await withRedisDeadline(pipeline.exec(), waitMs + graceMs)) ?? []
  if (first === undefined) throw new RedisUnavailableError('Redis did not answer')
  const [error, reply] = first
  if (error !== null) throw error
  const { key, members } = parsePopped(reply)
  return { key, members, left: counts.reduce((sum, [, count]) => sum + Number(count ?? 0), 0) }
}

/** Parses the answer of BZMPOP: nothing, or a key with pairs of member and score. */
const parsePopped = (reply: unknown): Pick<PoppedMembers, 'key' | 'members'> => {
  if (!Array.isArray(reply)) return nothing
  const [key, pairs]: readonly unknown[] = reply
  if (typeof key !== 'string' || !Array.isArray(pairs)) return nothing
  const flat: readonly unknown[] = pairs.flat()
  return { key, members: toMembers(flat) }
}

/** Asks again and again until the read has ended: the first request may reach the server before the read does. */
const unblockUntil = async (
  finished: AbortSignal,
  { link, timers }: { readonly link: RedisLink; readonly timers: Timers },
  { clientId, address }: BlockingConnection,
): Promise<void> => {
  for (let asked = 0; asked < unblocksMax && !finished.aborted; asked += 1) {
    await link.unblock(clientId, address).catch(() => {})
    await timers.sleep(unblockEveryMs, finished)
  }
}

/** The keys of one read are tagged by their queue and so lie on one node: any of them stands for all. */
const addressKey = ({ keys }: BlockingRead): string => keys.toSorted()[0] ?? ''

/** From the answer `MOVED slot host:port`; a node that does not know its own name leaves the host out. */
const findNewAddress = (message: string): NodeAddress | undefined => {
  const [, host, port] = /^MOVED \d+ (.+):(\d+)$/.exec(message) ?? []
  return host === undefined ? undefined : { host, port: Number(port) }
}
