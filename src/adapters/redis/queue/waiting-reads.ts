import type { Redis } from 'ioredis'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import { messageOf, RedisUnavailableError, withRedisDeadline } from '../connection/errors.ts'
import { parsePopped, type RankedMember } from './queue-replies.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import type { NodeAddress } from '../connection/redis-url.ts'
import { createLines, type Line } from './waiting-lines.ts'

/** Blocking reads, each on a connection that nothing else uses meanwhile. */
export interface WaitingReads {
  /**
   * Waits in BZMPOP until one of the sets has members, and takes up to `max` from the first that has. Sets of different
   * slots cannot be waited for together, so in a Cluster the caller makes one read for each queue.
   *
   * When `signal` aborts, the server is asked to end the read, and what it had popped by then is the answer. Answers
   * `no-connection` when all of them are in use or the slot is being moved, and throws RedisUnavailableError.
   */
  read(request: WaitingRead): Promise<PoppedMembers | 'no-connection'>
  readonly close: () => void
}

export interface WaitingRead {
  readonly keys: readonly string[]
  readonly max: number
  /** At most a second. */
  readonly waitMs: number
  readonly signal: AbortSignal
}

export interface PoppedMembers {
  /** The set they were in; undefined when there were none. */
  readonly key: string | undefined
  readonly members: readonly RankedMember[]
  /** How many all the sets hold now. */
  readonly left: number
}

/** How many connections of one process may wait at once. */
export const waitingConnectionsMax = 32

const nothing: PoppedMembers = { key: undefined, members: [], left: 0 }
const graceMs = 1_000
const unblockEveryMs = 50
const unblocksMax = 40
const movesMax = 3
const addressesMax = 10_000

export const createWaitingReads = (link: RedisLink, timers: Timers): WaitingReads => {
  const lines = createLines(link, waitingConnectionsMax)
  /** Where a Cluster's sets were found, by the key asked for first. */
  const addresses = new Map<string, NodeAddress>()
  let inUse = 0

  const popOnce = async (request: WaitingRead): Promise<PoppedMembers> => {
    const line = await lines.take(addresses.get(addressKey(request)))
    const finished = new AbortController()
    const unblock = (): void => void askToEnd({ link, timers }, line, finished.signal)
    request.signal.addEventListener('abort', unblock)
    try {
      const popped = request.signal.aborted ? nothing : await pop(line.socket, request)
      lines.giveBack(line)
      return popped
    } catch (error) {
      line.socket.disconnect()
      throw error
    } finally {
      finished.abort()
      request.signal.removeEventListener('abort', unblock)
    }
  }

  const popWhereItIs = async (request: WaitingRead): Promise<PoppedMembers | 'no-connection'> => {
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
    read: async (request) => {
      if (inUse >= waitingConnectionsMax) return 'no-connection'
      inUse += 1
      try {
        return await popWhereItIs(request)
      } finally {
        inUse -= 1
      }
    },
    close: lines.close,
  }
}

/** Counting goes out behind the read on the same connection, so it costs no round trip. */
const pop = async (socket: Redis, { keys, max, waitMs }: WaitingRead): Promise<PoppedMembers> => {
  const pipeline = socket.pipeline()
  pipeline.bzmpop(Math.max(waitMs, 1) / 1_000, keys.length, [...keys], 'MIN', 'COUNT', max)
  for (const key of keys) pipeline.zcard(key)
  const [first, ...counts] = (await withRedisDeadline(pipeline.exec(), waitMs + graceMs)) ?? []
  if (first === undefined) throw new RedisUnavailableError('Redis did not answer')
  const [error, reply] = first
  if (error !== null) throw error
  return { ...parsePopped(reply), left: counts.reduce((sum, [, count]) => sum + Number(count ?? 0), 0) }
}

/** Again and again until the read is over: the first time the server may not have begun it yet. */
const askToEnd = async (
  { link, timers }: { readonly link: RedisLink; readonly timers: Timers },
  line: Line,
  finished: AbortSignal,
): Promise<void> => {
  for (let asked = 0; asked < unblocksMax && !finished.aborted; asked += 1) {
    await link.unblock(line.clientId, line.address).catch(() => {})
    await timers.sleep(unblockEveryMs, finished)
  }
}

/** Tagged by queue, all keys of one read lie together. */
const addressKey = ({ keys }: WaitingRead): string => keys.toSorted()[0] ?? ''

/** From the answer `MOVED slot host:port`; the host is left out when a node does not know its own name. */
const findNewAddress = (message: string): NodeAddress | undefined => {
  const [, host, port] = /^MOVED \d+ (.+):(\d+)$/.exec(message) ?? []
  return host === undefined ? undefined : { host, port: Number(port) }
}
