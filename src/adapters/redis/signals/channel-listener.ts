import type { Redis } from 'ioredis'
import { answerWithin } from '../connection/errors.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import { backOffMs, pause } from '../connection/waits.ts'

/** One connection that hears a channel, made again and subscribed again whenever it is lost. */
export interface ChannelListener {
  close(): Promise<void>
}

interface Options {
  readonly link: RedisLink
  readonly channel: string
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
export const openChannelListener = async ({ link, channel, hear }: Options): Promise<ChannelListener> => {
  const closing = new AbortController()

  const subscribe = async (): Promise<Hearing> => {
    const era = link.era()
    const socket = await link.openSocket('signals', link.anyAddress())
    try {
      socket.on('message', (_channel, message) => hear(message))
      await answerWithin(deadlineMs, socket.subscribe(channel))
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
      await pause(pingEveryMs, over)
      if (!over.aborted) await answerWithin(deadlineMs, socket.ping()).catch(() => lost.abort())
    }
    socket.disconnect()
  }

  const keepListening = async (first: Hearing | undefined): Promise<void> => {
    let hearing = first
    for (let failures = 0; !closing.signal.aborted; failures += 1) {
      if (hearing !== undefined) {
        await listenUntilLost(hearing)
        failures = 0
      }
      await pause(backOffMs(failures), closing.signal)
      hearing = closing.signal.aborted ? undefined : await subscribe().catch(() => undefined)
    }
    hearing?.socket.disconnect()
  }

  const listening = keepListening(await subscribe().catch(() => undefined))
  return {
    close: async () => {
      closing.abort()
      await listening
    },
  }
}
