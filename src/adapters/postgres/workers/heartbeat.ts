import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { parseIncarnation } from '#domain/identifiers.ts'
import type { Heartbeat, SilentWorker, WorkerDescription } from '#application/ports/workers/worker-registry.ts'
import { allocateHeartbeatCells, neverAcknowledged, viewHeartbeatCells } from './heartbeat-cells.ts'
import type { HeartbeatSettings } from './heartbeat-thread.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'

interface Deps {
  /** Of the database, for the connection of the thread. */
  readonly address: DatabaseAddress
  readonly clock: Clock
  readonly logger: Logger
  /** When the beat that made the row was sent, by the monotonic clock. */
  readonly acknowledgedSentAtMs: number
  /** Told whom the thread finds silent, whenever that changes. */
  readonly onSilent: (silent: readonly SilentWorker[]) => void
  /** Marks the row ended; throws when the store cannot be reached. */
  readonly end: (how: 'fenced' | undefined) => Promise<void>
}

const change = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['beating', 'main-silent', 'refused']) }),
  z.object({ kind: z.literal('failing'), reason: z.string() }),
  z.object({ kind: z.literal('silent'), workers: z.array(z.object({ incarnation: z.string(), beat: z.int() })) }),
])

/** How long the thread may take to end its connection before it is terminated. */
const endDeadlineMs = 500

/**
 * Beats for a row that exists, from a thread of its own, until it is stopped or the row is ended or removed. The thread
 * keeps no process alive.
 *
 * A thread that dies is not made again: the worker is fenced when its lease has run out, and registers anew.
 */
export const startHeartbeat = (worker: WorkerDescription, deps: Deps): Heartbeat => {
  const { clock, address } = deps
  const logger = deps.logger.child({ incarnation: worker.incarnation })
  const memory = allocateHeartbeatCells()
  const cells = viewHeartbeatCells(memory)
  cells.acknowledgedSentAtNs.write(toNs(deps.acknowledgedSentAtMs))
  cells.mainSeenAtNs.write(toNs(clock.monotonicMs()))

  // A process that hangs beats on for at most a third of its lease before the sweepers' watch begins; a shorter stop of its
  // event loop costs no beat.
  const mainSilenceMs = worker.leaseMs / 3
  const mainSeen = setInterval(() => {
    cells.mainSeenAtNs.write(toNs(clock.monotonicMs()))
  }, mainSilenceMs / 10)
  mainSeen.unref()

  const settings: HeartbeatSettings = {
    address,
    incarnation: worker.incarnation,
    beatMs: worker.beatMs,
    mainSilenceMs,
    memory,
  }
  const thread = new Worker(new URL('heartbeat-thread.ts', import.meta.url), { workerData: settings, execArgv: [] })
  thread.on('message', (message) => {
    const told = change.parse(message)
    if (told.kind !== 'silent') return logChange(logger, told)
    deps.onSilent(told.workers.map(({ incarnation, beat }) => ({ incarnation: parseIncarnation(incarnation), beat })))
  })
  thread.on('error', (error) => logger.error({ err: error }, 'the heartbeat thread died'))
  // After the listeners: to listen for messages keeps a process alive.
  thread.unref()
  const gone = once(thread, 'exit').catch(() => {})

  const stop = async (how: 'fenced' | undefined): Promise<void> => {
    clearInterval(mainSeen)
    deps.onSilent([])
    thread.postMessage('stop')
    await withDeadline(gone, endDeadlineMs, () => new Error(`still there after ${endDeadlineMs} ms`)).catch(() =>
      thread.terminate(),
    )
    await deps.end(how).catch((error: unknown) => {
      logger.warn({ err: error }, 'could not mark a worker as ended: the others wait for its lease')
    })
  }
  let stopped: Promise<void> | undefined
  let seen = cells.acknowledgements.read()
  let sentAtMs = toMs(cells.acknowledgedSentAtNs.read())

  return {
    lastAcknowledgedSentAtMs: () => {
      const acknowledgements = cells.acknowledgements.read()
      if (acknowledgements !== seen) {
        seen = acknowledgements
        sentAtMs = toMs(cells.acknowledgedSentAtNs.read())
      }
      return sentAtMs
    },
    report: ({ running, state }) => {
      cells.running.write(running)
      cells.draining.write(state === 'draining' ? 1 : 0)
    },
    stop: (how) => (stopped ??= stop(how)),
  }
}

const toMs = (sentAtNs: bigint): number =>
  sentAtNs === neverAcknowledged ? Number.NEGATIVE_INFINITY : Number(sentAtNs) / 1e6

const toNs = (ms: number): bigint => BigInt(Math.round(ms * 1e6))

type LoggedChange = Exclude<z.output<typeof change>, { readonly kind: 'silent' }>

const logChange = (logger: Logger, { kind, ...fields }: LoggedChange): void => {
  if (kind === 'beating') logger.info({}, 'beat again')
  if (kind === 'refused') logger.warn({}, 'stopped beating: the row of this worker was ended or removed')
  if (kind === 'main-silent') logger.warn({}, 'held back beats while the event loop stood still')
  if (kind === 'failing') logger.warn(fields, 'could not beat')
}
