import { parentPort, workerData } from 'node:worker_threads'
import pg from 'pg'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import { neverAcknowledged, viewHeartbeatCells } from './heartbeat-cells.ts'

/**
 * The thread that beats for one incarnation; started by heartbeat.ts, which names what it is given. It has a connection of
 * its own, so that neither a full pool nor a busy main thread keeps it from beating.
 *
 * It beats for the main thread, not for itself: while the event loop there does not come round it is silent, because a
 * process that hangs must not look alive.
 */
const given: HeartbeatGiven = workerData

export interface HeartbeatGiven {
  readonly url: string
  readonly incarnation: string
  readonly beatMs: number
  /** How long the event loop of the main thread may stand still. */
  readonly mainSilenceMs: number
  readonly memory: SharedArrayBuffer
}

/** A change for the worse or the better: the main thread logs it. */
export type HeartbeatNews =
  | { readonly kind: 'beating' | 'main-silent' | 'refused' }
  | { readonly kind: 'failing'; readonly reason: string }

const cells = viewHeartbeatCells(given.memory)

/** Less than the interval, unless that is too short for making a connection. */
const deadlineMs = Math.max(given.beatMs * 0.8, 500)

let told: HeartbeatNews['kind'] = 'beating'
const tell = (news: HeartbeatNews): void => {
  if (news.kind !== told) parentPort?.postMessage(news)
  told = news.kind
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
  const client = new pg.Client({
    connectionString: given.url,
    application_name: 'taskfold heartbeat',
    connectionTimeoutMillis: deadlineMs,
    keepAlive: true,
  })
  // A lost connection is noticed by the beat that needs it.
  client.on('error', () => {})
  const ready = client.connect().then(() => {})
  ready.catch(() => {})
  return { client, ready }
}

/** Sends one beat; answers when it was sent, or undefined when the row takes no more. */
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
    [given.incarnation, cells.running.read(), cells.draining.read() === 1 ? 'draining' : 'live', Date.now()],
  )
  return rowCount === 1 ? sentAtNs : undefined
}

const beat = async (): Promise<void> => {
  if (Number(process.hrtime.bigint() - cells.mainSeenAtNs.read()) / 1e6 > given.mainSilenceMs) {
    tell({ kind: 'main-silent' })
    return
  }
  try {
    const sentAtNs = await withDeadline(sendBeat(), deadlineMs, () => new Error(`no answer within ${deadlineMs} ms`))
    cells.acknowledgedSentAtNs.write(sentAtNs ?? neverAcknowledged)
    cells.acknowledgements.write(cells.acknowledgements.read() + 1)
    tell({ kind: sentAtNs === undefined ? 'refused' : 'beating' })
  } catch (error) {
    disconnect()
    tell({ kind: 'failing', reason: error instanceof Error ? error.message : String(error) })
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

/** By the instants it began at, so that slow answers do not make beats rarer; never two at a time. */
const beatOn = (dueAtMs: number): void => {
  timer = setTimeout(
    () => {
      const begunAtMs = performance.now()
      void beat().then(() => {
        if (told === 'refused') stop()
        else if (state === 'beating') beatOn(begunAtMs + given.beatMs)
      })
    },
    Math.max(0, dueAtMs - performance.now()),
  )
}

parentPort?.on('message', stop)
beatOn(performance.now() + given.beatMs)
