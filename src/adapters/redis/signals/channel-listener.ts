import type { Redis } from 'ioredis'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { withRedisDeadline } from '../connection/errors.ts'
import { keepOpen } from '../connection/keep-open.ts'
import type { RedisLink } from '../connection/redis-link.ts'

/** One connection that hears a channel, made again and subscribed again whenever it is lost. */
export interface ChannelListener {
  close(): Promise<void>
}

interface Options {
  readonly link: RedisLink
  readonly channel: string
  readonly runtime: Pick<Runtime, 'timers' | 'random'>
  readonly hear: (message: string) => void
}

interface Hearing {
  readonly socket: Redis
  /** Of the link when it was made. */
  readonly era: unknown
}

const deadlineMs = 1_000
const pingEveryMs = 2_000

/**
 * Resolves after the first attempt to subscribe, whether or not it succeeded. The connection is asked for a sign of life
 * every other second, because one whose other end vanished without a word looks like one on which nothing is said, and it
 * is given up with the link's own, because it may then lead to a server that was replaced.
 */
export const openChannelListener = async (options: Options): Promise<ChannelListener> => {
  const { link, channel, runtime, hear } = options
  const closing = new AbortController()

  const subscribe = async (): Promise<Hearing> => {
    const era = link.era()
    const socket = await link.openSocket('signals', link.anyAddress())
    try {
      socket.on('message', (_channel, message) => hear(message))
      await withRedisDeadline(socket.subscribe(channel), deadlineMs)
      return { socket, era }
    } catch (error) {
      socket.disconnect()
      throw error
    }
  }

  const listenUntilLost = async ({ socket, era }: Hearing): Promise<void> => {
    const lost = new AbortController()
    const over = AbortSignal.any([lost.signal, closing.signal])
    socket.once('end', () => lost.abort())
    while (!over.aborted && socket.status === 'ready' && link.era() === era) {
      await runtime.timers.sleep(pingEveryMs, over)
      if (!over.aborted) await withRedisDeadline(socket.ping(), deadlineMs).catch(() => lost.abort())
    }
    socket.disconnect()
  }

  const open = (): Promise<Hearing | undefined> => subscribe().catch(() => undefined)
  const first = await open()
  const kept = keepOpen({ runtime, first, open, untilLost: listenUntilLost, closing: closing.signal })
  return {
    close: async () => {
      closing.abort()
      const last = await kept
      last?.socket.disconnect()
    },
  }
}
