import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { backOffMs, type BackOffLimits } from '#application/mechanisms/back-off.ts'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { type DatabaseAddress, createClient } from '../connection/database-address.ts'

/**
 * The one connection of a process by which notifications arrive. A notification is a hint: any of them may be lost, and
 * everything must work without them, later.
 */
export interface PostgresListener {
  /** Calls `listener` until the returned function is called. It must not throw. */
  subscribe(channel: Channel, listener: NotificationListener): () => void
  /** Whether notifications arrive at present. */
  state(): ListenerState
  /** Ends the connection. Idempotent. */
  close(): Promise<void>
}

/** The channels to which all processes of the installation listen. */
export const channels = { hints: 'taskfold_hints', signals: 'taskfold_signals' } as const

export type Channel = (typeof channels)[keyof typeof channels]

export interface NotificationListener {
  readonly onNotification: (payload: string) => void
  /** Notifications may have been lost until now: the connection is new, or brought none. */
  readonly onGap: () => void
}

/**
 * Each probe decides between `listening` and `silent`; the loss of the connection leads back to `connecting`.
 *
 * - `connecting`: there is no connection, or its first probe is under way.
 * - `listening`: the latest probe arrived.
 * - `silent`: the connection answers but brings no notifications, as behind a pooler in transaction mode.
 */
export type ListenerState = 'connecting' | 'listening' | 'silent' | 'closed'

export interface ListenerOptions {
  /** Of the database itself where there is one: a pooler in transaction mode passes no notifications on. */
  readonly address: DatabaseAddress
  /** Sends the probes: only what another connection sent proves that notifications arrive. */
  readonly pool: DatabasePool
  readonly logger: Logger
  readonly probeEveryMs?: number
  readonly answerDeadlineMs?: number
}

const probeEveryMsDefault = 10_000
const answerDeadlineMsDefault = 2_000
const reconnectLimits: BackOffLimits = { firstMs: 100, mostMs: 5_000 }

/**
 * Listens on a connection of its own. Whenever that is lost another one is made, after a back-off of 100 ms to 5 s. A
 * connection that brings no more notifications is noticed within `probeEveryMs` and two deadlines.
 */
export const createPostgresListener = (options: ListenerOptions): PostgresListener => {
  const { logger } = options
  const subscriptions = new Map<string, Set<Subscription>>()
  const closing = new AbortController()
  let state: ListenerState = 'connecting'

  const enter = (next: ListenerState, cause?: unknown): void => {
    if (next === state || state === 'closed') return
    state = next
    if (next === 'listening') logger.info({}, 'began to hear notifications')
    if (next === 'connecting') logger.warn({ err: cause }, 'lost the connection for notifications')
    if (next === 'silent') logger.warn({}, 'heard no notifications: what they would tell was polled for')
    if (next === 'listening')
      for (const subscribed of subscriptions.values()) for (const { listener } of subscribed) listener.onGap()
  }

  const run = async (): Promise<void> => {
    let failures = 0
    while (!closing.signal.aborted) {
      const lost = await listenOnce(options, closing.signal, {
        onNotification: (channel, payload) => {
          for (const { listener } of subscriptions.get(channel) ?? []) listener.onNotification(payload)
        },
        onProbed: (found) => {
          failures = 0
          enter(found)
        },
      })
      if (closing.signal.aborted) return
      if (state === 'connecting') logger.debug({ err: lost }, 'could not connect for notifications')
      enter('connecting', lost)
      await pause(backOffMs(failures, Math.random(), reconnectLimits), closing.signal)
      failures += 1
    }
  }
  const running = run()

  return {
    subscribe: (channel, listener) => {
      const subscription = { listener }
      const subscribed = subscriptions.get(channel) ?? new Set()
      subscriptions.set(channel, subscribed.add(subscription))
      return () => void subscribed.delete(subscription)
    },
    state: () => state,
    close: async () => {
      state = 'closed'
      closing.abort()
      await running
    },
  }
}

/** An object of its own, so that one listener may subscribe twice. */
interface Subscription {
  readonly listener: NotificationListener
}

interface SessionEvents {
  readonly onNotification: (channel: string, payload: string) => void
  readonly onProbed: (found: 'listening' | 'silent') => void
}

/** One connection from its making to its loss. Resolves with the reason of the loss. */
const listenOnce = async (options: ListenerOptions, closing: AbortSignal, events: SessionEvents): Promise<unknown> => {
  const { address, probeEveryMs = probeEveryMsDefault, answerDeadlineMs = answerDeadlineMsDefault } = options
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  const onClosing = (): void => lost.reject(new Error('the listener was closed'))
  try {
    closing.addEventListener('abort', onClosing)
    const client = createClient(address, {
      applicationName: 'taskfold listen',
      connectDeadlineMs: answerDeadlineMs,
    })
    client.on('error', lost.reject)
    client.on('end', () => lost.reject(new Error('the connection ended')))
    try {
      await client.connect()
      const prober = createProber(options.pool, client, answerDeadlineMs)
      client.on('notification', ({ channel, payload = '' }) => {
        if (channel === prober.channel) prober.onNotification(payload)
        else events.onNotification(channel, payload)
      })
      await Promise.race([prober.listen(), lost.promise])
      while (!closing.aborted) {
        const found = await Promise.race([prober.probe(), lost.promise])
        if (found !== 'unknown') events.onProbed(found)
        await Promise.race([pause(probeEveryMs, closing), lost.promise])
      }
    } finally {
      // Destroys the socket where a query is still without an answer.
      client.end().catch(() => {})
    }
    return undefined
  } catch (error) {
    return error
  } finally {
    closing.removeEventListener('abort', onClosing)
  }
}

/** Sends notifications to itself through the pool, on a channel of its own. */
const createProber = (pool: DatabasePool, client: pg.Client, answerDeadlineMs: number) => {
  const channel = `taskfold_probe_${randomBytes(8).toString('hex')}`
  let expected = ''
  let arrive = (): void => {}
  const noAnswer = (): Error => new Error(`no answer within ${answerDeadlineMs} ms`)
  const listen = async (): Promise<void> => {
    const statements = [...Object.values(channels), channel].map((name) => `listen ${name}`)
    await withDeadline(client.query(statements.join(';')), answerDeadlineMs, noAnswer)
  }
  return {
    channel,
    listen,
    onNotification: (payload: string): void => {
      if (payload === expected) arrive()
    },
    /** `unknown` when the probe could not be sent. Throws when the connection does not answer either. */
    probe: async (): Promise<'listening' | 'silent' | 'unknown'> => {
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve
      })
      expected = randomBytes(8).toString('hex')
      const sent = pool.query(sql.type(z.unknown())`select pg_notify(${channel}, ${expected})`).then(
        () => true,
        () => false,
      )
      const hasArrived = await withDeadline(arrived, answerDeadlineMs, noAnswer).then(
        () => true,
        () => false,
      )
      if (hasArrived) return 'listening'
      // A pooler may have let another session listen in place of this one.
      await listen()
      return (await sent) ? 'silent' : 'unknown'
    },
  }
}

/** Never rejects: an abort only ends it early. */
const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  sleep(delayMs, undefined, { signal }).catch(() => {})
