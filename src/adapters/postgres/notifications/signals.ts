import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Signal, Signals } from '#application/ports/queue/signals.ts'
import { findTaskId, type TaskId } from '#domain/identifiers.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import { channels, type PostgresListener } from './listener.ts'

interface Deps {
  readonly pool: DatabasePool
  /** The caller closes it. */
  readonly listener: PostgresListener
  readonly logger: Logger
}

export interface PostgresSignals extends Signals {
  /** Ends all subscriptions. Idempotent. */
  close(): void
}

/** A notification holds less than 8,000 bytes; an id and its comma are 37. */
const idsPerMessageMax = 180

/**
 * Signals as notifications: one statement for each announcement, in messages of at most 180 ids. A process to which no
 * notifications arrive still delivers its own announcements to its own listeners, and misses those of other processes.
 */
export const createPostgresSignals = ({ pool, listener: notifications, logger }: Deps): PostgresSignals => {
  const subscriptions = new Set<{ readonly listener: (signal: Signal) => void }>()

  /** Each listener in a microtask of its own, so that one that throws disturbs neither the others nor the connection. */
  const deliver = (signal: Signal): void => {
    for (const subscription of subscriptions) {
      queueMicrotask(() => {
        if (subscriptions.has(subscription)) subscription.listener(signal)
      })
    }
  }

  const unsubscribe = notifications.subscribe(channels.signals, {
    onNotification: (payload) => {
      const signal = parseSignal(payload)
      if (signal !== undefined) deliver(signal)
    },
    onGap: () => {},
  })

  return {
    announce: async (signal) => {
      const messages = sql.array(toMessages(signal), 'text')
      const statement = sql.type(z.unknown())`
        select pg_notify(${channels.signals}, message)
        from unnest(${messages}) message`
      if (notifications.state() !== 'listening') deliver(signal)
      await withReadDeadline(pool.query(statement)).catch((error: unknown) => {
        logger.debug({ err: error, signal: signal.kind }, 'lost a signal')
      })
    },
    subscribe: (listener) => {
      const subscription = { listener }
      subscriptions.add(subscription)
      return () => {
        subscriptions.delete(subscription)
      }
    },
    close: () => {
      unsubscribe()
      subscriptions.clear()
    },
  }
}

const toMessages = (signal: Signal): readonly string[] => {
  const messages: string[] = []
  for (let at = 0; at < signal.taskIds.length; at += idsPerMessageMax) {
    messages.push(`${signal.kind} ${signal.taskIds.slice(at, at + idsPerMessageMax).join(',')}`)
  }
  return messages
}

/** Undefined for a message that is no signal of this release. */
const parseSignal = (message: string): Signal | undefined => {
  const [kind, list = ''] = message.split(' ')
  if (kind !== 'cancel-requested') return undefined
  const taskIds = list.split(',').flatMap((text): readonly TaskId[] => {
    const taskId = findTaskId(text)
    return taskId === undefined ? [] : [taskId]
  })
  return taskIds.length === 0 ? undefined : { kind, taskIds }
}
