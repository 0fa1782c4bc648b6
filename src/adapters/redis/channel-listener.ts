import type { Redis } from 'ioredis'
import { answerWithin } from './errors.ts'
import type { RedisLink } from './redis-link.ts'
import { backOffMs, pause } from './waits.ts'

/** One connection that hears a channel, made again and subscribed again whenever it is lost. */
export interface ChannelListener {
  close(): Promise<void>
}

interface Options {
  readonly link: RedisLink
  readonly channel: string
  readonly hear: (message: string) => void
}

const deadlineMs = 1_000
const pingEveryMs = 5_000

/**
 * Resolves after the first attempt to subscribe, whether or not it succeeded. The connection is asked for a sign of life
 * every five seconds, because one whose other end vanished without a word looks like one on which nothing is said.
 */
export const openChannelListener = async ({ link, channel, hear }: Options): Promise<ChannelListener> => {
  const closing = new AbortController()

  const subscribe = async (): Promise<Redis> => {
    const socket = await link.openSocket('signals', link.anyAddress())
    try {
      socket.on('message', (_channel, message) => hear(message))
      await answerWithin(deadlineMs, socket.subscribe(channel))
      return socket
    } catch (error) {
      socket.disconnect()
      throw error
    }
  }

  const listenUntilLost = async (socket: Redis): Promise<void> => {
    const lost = new AbortController()
    const over = AbortSignal.any([lost.signal, closing.signal])
    socket.once('end', () => lost.abort())
    while (!over.aborted && socket.status === 'ready') {
      await pause(pingEveryMs, over)
      if (!over.aborted) await answerWithin(deadlineMs, socket.ping()).catch(() => lost.abort())
    }
    socket.disconnect()
  }

  const keepListening = async (found: Redis | undefined): Promise<void> => {
    let socket = found
    for (let failures = 0; !closing.signal.aborted; failures += 1) {
      if (socket !== undefined) {
        await listenUntilLost(socket)
        failures = 0
      }
      await pause(backOffMs(failures), closing.signal)
      socket = closing.signal.aborted ? undefined : await subscribe().catch(() => undefined)
    }
    socket?.disconnect()
  }

  const listening = keepListening(await subscribe().catch(() => undefined))
  return {
    close: async () => {
      closing.abort()
      await listening
    },
  }
}
