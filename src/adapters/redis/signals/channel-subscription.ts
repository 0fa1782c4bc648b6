import type { Redis } from 'ioredis'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { withRedisDeadline } from '../connection/errors.ts'
import { keepOpen } from '../connection/keep-open.ts'
import type { RedisLink } from '../connection/redis-link.ts'

/** One connection that is subscribed to a channel; after a loss another one subscribes again. */
export interface ChannelSubscription {
  close(): Promise<void>
}

interface Options {
  readonly link: RedisLink
  readonly channel: string
  readonly runtime: Pick<Runtime, 'timers' | 'random'>
  readonly onMessage: (message: string) => void
}

interface Subscribed {
  readonly socket: Redis
  /** That of the link when the connection was made. */
  readonly generation: unknown
}

const deadlineMs = 1_000
const pingEveryMs = 2_000

/**
 * Resolves after the first attempt to subscribe, whether or not it succeeded. The connection is pinged every two seconds,
 * because one whose other end vanished looks like a channel without messages. It is given up when the link's own connection
 * was replaced, because it may then lead to a server that was replaced as well.
 */
export const openChannelSubscription = async (options: Options): Promise<ChannelSubscription> => {
  const { link, channel, runtime, onMessage } = options
  const closing = new AbortController()

  const subscribe = async (): Promise<Subscribed> => {
    const generation = link.generation()
    const socket = await link.openSocket('signals', link.anyAddress())
    try {
      socket.on('message', (_channel, message) => onMessage(message))
      await withRedisDeadline(socket.subscribe(channel), deadlineMs)
      return { socket, generation }
    } catch (error) {
      socket.disconnect()
      throw error
    }
  }

  const untilLost = async ({ socket, generation }: Subscribed): Promise<void> => {
    const lost = new AbortController()
    const over = AbortSignal.any([lost.signal, closing.signal])
    socket.once('end', () => lost.abort())
    while (!over.aborted && socket.status === 'ready' && link.generation() === generation) {
      await runtime.timers.sleep(pingEveryMs, over)
      if (!over.aborted) await withRedisDeadline(socket.ping(), deadlineMs).catch(() => lost.abort())
    }
    socket.disconnect()
  }

  const open = (): Promise<Subscribed | undefined> => subscribe().catch(() => undefined)
  const first = await open()
  const kept = keepOpen({ runtime, first, open, untilLost, closing: closing.signal })
  return {
    close: async () => {
      closing.abort()
      const last = await kept
      last?.socket.disconnect()
    },
  }
}
