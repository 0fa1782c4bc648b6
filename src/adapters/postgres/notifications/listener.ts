import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { backOffMs, type BackOffLimits } from '#application/mechanisms/back-off.ts'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'

/** What is notified: every process of the installation listens to these. */
export const channels = { hints: 'taskfold_hints', signals: 'taskfold_signals' } as const

export type Channel = (typeof channels)[keyof typeof channels]

/**
 * - `connecting`: there is no connection, or none that has brought anything yet.
 * - `listening`: a notification sent through the pool arrived lately.
 * - `deaf`: the connection answers but brings nothing, as behind a pooler in transaction mode.
 */
export type ListenerState = 'connecting' | 'listening' | 'deaf' | 'closed'

export interface ChannelListener {
  readonly notified: (payload: string) => void
  /** There was a gap: the connection is new, or was deaf until now. */
  readonly missed: () => void
}

/** The one connection of a process that notifications come in by. They are news, not facts: all of them may be lost. */
export interface PostgresListener {
  /** Calls `listener` until the returned function is called. It must not throw. */
  subscribe(channel: Channel, listener: ChannelListener): () => void
  /** Whether notifications can be relied upon to be quick. Everything must work in every state. */
  state(): ListenerState
  /** Ends the connection. Idempotent. */
  close(): Promise<void>
}

export interface ListenerOptions {
  /** Of the database itself where there is one: a pooler in transaction mode passes no notifications on. */
  readonly url: string
  /** By which probes are sent: only what another connection sent proves that notifications arrive. */
  readonly pool: DatabasePool
  readonly logger: Logger
  readonly probeEveryMs?: number
  readonly answerDeadlineMs?: number
}

const probeEveryMsDefault = 10_000
const answerDeadlineMsDefault = 2_000
const reconnectLimits: BackOffLimits = { firstMs: 100, mostMs: 5_000 }

/**
 * Listens on a connection of its own, which is made again, with growing pauses, whenever it is lost. One that no longer
 * brings anything is noticed within `probeEveryMs` and two deadlines.
 */
export const createPostgresListener = (options: ListenerOptions): PostgresListener => {
  const { logger } = options
  const subscriptions = new Map<string, Set<ChannelListener>>()
  const closing = new AbortController()
  let state: ListenerState = 'connecting'

  const enter = (next: ListenerState, cause?: unknown): void => {
    if (next === state || state === 'closed') return
    state = next
    if (next === 'listening') logger.info({}, 'began to hear notifications')
    if (next === 'connecting') logger.warn({ err: cause }, 'lost the connection for notifications')
    if (next === 'deaf') logger.warn({}, 'heard no notifications: what they would tell was polled for')
    if (next === 'listening')
      for (const listeners of subscriptions.values()) for (const each of listeners) each.missed()
  }

  const run = async (): Promise<void> => {
    let failures = 0
    while (!closing.signal.aborted) {
      const lost = await listenOnce(options, closing.signal, {
        heard: (channel, payload) => {
          for (const each of subscriptions.get(channel) ?? []) each.notified(payload)
        },
        found: (found) => {
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
      // Wrapped, so that one listener may subscribe twice.
      const subscription = { ...listener }
      const listeners = subscriptions.get(channel) ?? new Set()
      subscriptions.set(channel, listeners.add(subscription))
      return () => void listeners.delete(subscription)
    },
    state: () => state,
    close: async () => {
      state = 'closed'
      closing.abort()
      await running
    },
  }
}

interface Session {
  readonly heard: (channel: string, payload: string) => void
  readonly found: (state: 'listening' | 'deaf') => void
}

/** One connection from its making to its loss, which it resolves with. */
const listenOnce = async (options: ListenerOptions, closing: AbortSignal, session: Session): Promise<unknown> => {
  const { url, probeEveryMs = probeEveryMsDefault, answerDeadlineMs = answerDeadlineMsDefault } = options
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  const closed = (): void => lost.reject(new Error('the listener was closed'))
  try {
    closing.addEventListener('abort', closed)
    // It refuses an address that it cannot read.
    const client = new pg.Client({
      connectionString: url,
      application_name: 'taskfold listen',
      connectionTimeoutMillis: answerDeadlineMs,
      keepAlive: true,
    })
    client.on('error', lost.reject)
    client.on('end', () => lost.reject(new Error('the connection ended')))
    try {
      await client.connect()
      const prober = createProber(options.pool, client, answerDeadlineMs)
      client.on('notification', ({ channel, payload = '' }) => {
        if (channel === prober.channel) prober.heard(payload)
        else session.heard(channel, payload)
      })
      await Promise.race([prober.listen(), lost.promise])
      while (!closing.aborted) {
        const found = await Promise.race([prober.probe(), lost.promise])
        if (found !== 'unknown') session.found(found)
        await Promise.race([pause(probeEveryMs, closing), lost.promise])
      }
    } finally {
      // Of a connection with an unanswered query this destroys the socket.
      client.end().catch(() => {})
    }
    return undefined
  } catch (error) {
    return error
  } finally {
    closing.removeEventListener('abort', closed)
  }
}

/** Sends itself notifications through the pool, on a channel of its own. */
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
    heard: (payload: string): void => {
      if (payload === expected) arrive()
    },
    /** `unknown` when nothing could be sent. Throws when the connection does not answer either. */
    probe: async (): Promise<'listening' | 'deaf' | 'unknown'> => {
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve
      })
      expected = randomBytes(8).toString('hex')
      const sent = pool.query(sql.type(z.unknown())`select pg_notify(${channel}, ${expected})`).then(
        () => true,
        () => false,
      )
      const heard = await withDeadline(arrived, answerDeadlineMs, noAnswer).then(
        () => true,
        () => false,
      )
      if (heard) return 'listening'
      // Whoever passes connections on may have let another session listen in place of this one.
      await listen()
      return (await sent) ? 'deaf' : 'unknown'
    },
  }
}

/** Rejects never: an abort only ends it early. */
const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  sleep(delayMs, undefined, { signal }).catch(() => {})
