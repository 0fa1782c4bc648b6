import { parentPort, workerData } from 'node:worker_threads'
import type pg from 'pg'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import { createLeaseWatch } from '#application/recovery/lease-watch.ts'
import { parseIncarnation } from '#domain/identifiers.ts'
import { neverAcknowledged, viewHeartbeatCells } from './heartbeat-cells.ts'
import { type DatabaseAddress, createClient } from '../connection/database-address.ts'

/*
 * The thread that beats for one incarnation, started by heartbeat.ts. It has a connection of its own, so that neither a full
 * pool nor a busy main thread keeps it from beating.
 *
 * It also watches the other workers: where handlers hold the event loop of the main thread for seconds at a time, readings
 * there lie too far apart for any silence to show, and a killed worker would never be found.
 *
 * It beats for the main thread, not for itself: while the event loop there stands still for longer than `mainSilenceMs` the
 * thread sends no beat, because a process that hangs must not look alive.
 */

/** What the thread is started with, as its `workerData`. */
export interface HeartbeatSettings {
  readonly address: DatabaseAddress
  readonly incarnation: string
  readonly beatMs: number
  /** How long the event loop of the main thread may stand still. */
  readonly mainSilenceMs: number
  readonly memory: SharedArrayBuffer
}

/** By hand: zod would have to be loaded in this thread too, at each start of a worker. */
const parseSettings = (value: unknown): HeartbeatSettings => {
  const settings: Partial<Record<keyof HeartbeatSettings, unknown>> =
    typeof value === 'object' && value !== null ? value : {}
  const { address, incarnation, beatMs, mainSilenceMs, memory } = settings
  if (
    !isAddress(address) ||
    typeof incarnation !== 'string' ||
    typeof beatMs !== 'number' ||
    typeof mainSilenceMs !== 'number' ||
    !(memory instanceof SharedArrayBuffer)
  ) {
    throw new TypeError('a heartbeat thread was started with other data than heartbeat.ts gives')
  }
  return { address, incarnation, beatMs, mainSilenceMs, memory }
}

/** By what a connection cannot do without: heartbeat.ts hands on what the whole process connects by. */
const isAddress = (value: unknown): value is DatabaseAddress =>
  typeof value === 'object' &&
  value !== null &&
  'host' in value &&
  typeof value.host === 'string' &&
  'port' in value &&
  typeof value.port === 'number' &&
  'user' in value &&
  typeof value.user === 'string'

/** A message to the main thread, which logs it: sent when what the beats come to has changed. */
export type HeartbeatChange =
  | { readonly kind: 'beating' | 'main-silent' | 'refused' }
  | { readonly kind: 'failing'; readonly reason: string }

/** A message to the main thread: whom this thread finds silent by now. */
export interface SilenceFound {
  readonly kind: 'silent'
  readonly workers: readonly { readonly incarnation: string; readonly beat: number }[]
}

const settings = parseSettings(workerData)
const cells = viewHeartbeatCells(settings.memory)

/** Less than the interval, but at least half a second: a beat may have to make a connection first. */
const deadlineMs = Math.max(settings.beatMs * 0.8, 500)

let lastReported: HeartbeatChange['kind'] = 'beating'
const report = (change: HeartbeatChange): void => {
  if (change.kind !== lastReported) parentPort?.postMessage(change)
  lastReported = change.kind
}

interface Connection {
  readonly client: pg.Client
  readonly ready: Promise<void>
}

let connection: Connection | undefined
const disconnect = (): void => {
  // Of a connection with an unanswered query this destroys the socket.
  connection?.client.end().catch(() => {})
  connection = undefined
}

const connect = (): Connection => {
  const client = createClient(settings.address, {
    applicationName: 'taskfold heartbeat',
    connectDeadlineMs: deadlineMs,
  })
  // A lost connection is noticed by the beat that needs it.
  client.on('error', () => {})
  const ready = client.connect().then(() => {})
  ready.catch(() => {})
  return { client, ready }
}

/** Sends one beat. Answers when it was sent, or undefined when the row of the incarnation was ended or removed. */
const sendBeat = async (): Promise<bigint | undefined> => {
  connection ??= connect()
  const { client, ready } = connection
  await ready
  if (connection?.client !== client) throw new Error('the connection came too late')
  const sentAtNs = process.hrtime.bigint()
  const { rowCount } = await client.query(
    `update taskfold.workers
     set beat = beat + 1, running = $2, state = $3, last_beat_at = clock_timestamp(),
         clock_ahead_ms = $4::float8 - extract(epoch from clock_timestamp()) * 1000
     where incarnation = $1 and state <> 'ended'`,
    [settings.incarnation, cells.running.read(), cells.draining.read() === 1 ? 'draining' : 'live', Date.now()],
  )
  return rowCount === 1 ? sentAtNs : undefined
}

const beat = async (): Promise<void> => {
  if (Number(process.hrtime.bigint() - cells.mainSeenAtNs.read()) / 1e6 > settings.mainSilenceMs) {
    report({ kind: 'main-silent' })
    return
  }
  try {
    const sentAtNs = await withDeadline(sendBeat(), deadlineMs, () => new Error(`no answer within ${deadlineMs} ms`))
    cells.acknowledgedSentAtNs.write(sentAtNs ?? neverAcknowledged)
    cells.acknowledgements.write(cells.acknowledgements.read() + 1)
    report({ kind: sentAtNs === undefined ? 'refused' : 'beating' })
  } catch (error) {
    disconnect()
    report({ kind: 'failing', reason: error instanceof Error ? error.message : String(error) })
  }
}

const watch = createLeaseWatch()
/** Leaves time for the next beat. */
const watchDeadlineMs = deadlineMs / 2
let toldSilent = '[]'

/** Reads the beats of all workers, and tells the main thread who is silent by that when it has changed. */
const watchOthers = async (): Promise<void> => {
  if (connection === undefined) return
  const { client } = connection
  const askedAtMs = performance.now()
  const read = client.query<{ incarnation: string; beat: string; lease_ms: number }>(
    `select incarnation, beat, lease_ms from taskfold.workers where state <> 'ended'`,
  )
  try {
    const { rows } = await withDeadline(read, watchDeadlineMs, () => new Error(`no answer in ${watchDeadlineMs} ms`))
    const watched = new Map(
      rows.map((row) => [parseIncarnation(row.incarnation), { beat: Number(row.beat), leaseMs: row.lease_ms }]),
    )
    const silent = watch.observe({ askedAtMs, answeredAtMs: performance.now(), watched })
    const workers = silent.map((incarnation) => ({ incarnation, beat: watched.get(incarnation)?.beat ?? 0 }))
    const told = JSON.stringify(workers)
    if (told === toldSilent) return
    toldSilent = told
    parentPort?.postMessage({ kind: 'silent', workers } satisfies SilenceFound)
  } catch {
    // The next beat makes another connection. A gap between readings restarts the watch.
    disconnect()
  }
}

let timer: NodeJS.Timeout | undefined
let state: 'beating' | 'stopped' = 'beating'

const stop = (): void => {
  state = 'stopped'
  clearTimeout(timer)
  disconnect()
  parentPort?.close()
}

/** Counts from when the beat before began, so that slow answers do not make beats rarer. Never sends two at a time. */
const beatOn = (dueAtMs: number): void => {
  timer = setTimeout(
    () => {
      const begunAtMs = performance.now()
      void beat().then(() => {
        if (lastReported === 'refused') return stop()
        if (state !== 'beating') return
        void watchOthers().then(() => {
          if (state === 'beating') beatOn(begunAtMs + settings.beatMs)
        })
      })
    },
    Math.max(0, dueAtMs - performance.now()),
  )
}

parentPort?.on('message', stop)
beatOn(performance.now() + settings.beatMs)
