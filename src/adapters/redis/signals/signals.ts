import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { Signal, Signals } from '#application/ports/queue/signals.ts'
import { findTaskId } from '#domain/identifiers.ts'
import { messageOf } from '../connection/errors.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import { openChannelSubscription } from './channel-subscription.ts'

/** Signals that let their connection go when they are closed. */
export interface RedisSignals extends Signals {
  close(): Promise<void>
}

interface Options {
  readonly link: RedisLink
  readonly prefix: string
  readonly runtime: Pick<Runtime, 'timers' | 'random' | 'logger'>
}

const taskIdsPerSignalMax = 1_000

/**
 * Signals by PUBLISH on one channel, to which each process subscribes on a connection of its own. A process misses the
 * signals that are announced while its connection is lost, and signals announced while Redis is away reach no process.
 *
 * Resolves after the first attempt to subscribe, whether or not it succeeded.
 */
export const openRedisSignals = async ({ link, prefix, runtime }: Options): Promise<RedisSignals> => {
  const channel = `${prefix}:signals`
  const subscriptions = new Set<{ readonly listener: (signal: Signal) => void }>()

  /** Each listener in a microtask of its own, so that one that throws disturbs neither the others nor the connection. */
  const deliver = (signal: Signal): void => {
    for (const subscription of subscriptions) {
      queueMicrotask(() => {
        if (subscriptions.has(subscription)) subscription.listener(signal)
      })
    }
  }

  const subscription = await openChannelSubscription({
    link,
    channel,
    runtime,
    onMessage: (message) => {
      const signal = parseSignal(message)
      if (signal !== undefined) deliver(signal)
    },
  })

  return {
    announce: async (signal) => {
      await link
        .run((commands) => commands.publish(channel, JSON.stringify(signal)))
        .catch((error: unknown) =>
          runtime.logger.debug({ kind: signal.kind, reason: messageOf(error) }, 'a signal was lost'),
        )
    },
    subscribe: (listener) => {
      const subscription = { listener }
      subscriptions.add(subscription)
      return () => {
        subscriptions.delete(subscription)
      }
    },
    close: async () => {
      subscriptions.clear()
      await subscription.close()
    },
  }
}

/** Undefined for a message that is no signal of this release: other programs may publish on the channel. */
const parseSignal = (message: string): Signal | undefined => {
  const content = parseJson(message)
  if (typeof content !== 'object' || content === null || !('kind' in content)) return undefined
  if (content.kind !== 'cancel-requested' || !('taskIds' in content) || !Array.isArray(content.taskIds))
    return undefined
  const sent: readonly unknown[] = content.taskIds.slice(0, taskIdsPerSignalMax)
  const taskIds = sent.flatMap((text) => (typeof text === 'string' ? (findTaskId(text) ?? []) : []))
  return { kind: 'cancel-requested', taskIds }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
