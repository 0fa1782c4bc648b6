import { createLeaseWatch, type LeaseWatch } from '#application/recovery/lease-watch.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type {
  Heartbeat,
  SilentWorker,
  WorkerDescription,
  WorkerRegistry,
} from '#application/ports/workers/worker-registry.ts'
import type { Incarnation } from '#domain/identifiers.ts'
import type { MemoryDatabase } from '../database.ts'

interface Deps {
  readonly database: MemoryDatabase
  readonly clock: Clock
  readonly timers: Timers
}

/** The workers of a memory database. Beats are sent by `timers`: a test stops them by not advancing the time. */
export const createMemoryWorkerRegistry = (deps: Deps): WorkerRegistry => createRegistry(deps, new Map())

/** By the incarnation whose heartbeat found them. */
type SilentWorkers = Map<Incarnation, readonly SilentWorker[]>

const createRegistry = (deps: Deps, silentBy: SilentWorkers): WorkerRegistry => ({
  findSilent: () => [...silentBy.values()].flat(),

  register: async (worker) => {
    const { beatMs: _, ...description } = worker
    const now = deps.database.now()
    if (deps.database.workers.has(worker.incarnation)) throw new Error(`${worker.incarnation} was registered before`)
    deps.database.workers.set(worker.incarnation, {
      ...description,
      beat: 1,
      running: 0,
      state: 'live',
      startedAt: now,
      lastBeatAt: now,
    })
    return startHeartbeat(deps, worker, silentBy)
  },

  readAll: async () => {
    const now = deps.database.now()
    return [...deps.database.workers.values()]
      .map((worker) => ({ ...worker, silentForMs: Math.max(0, now - worker.lastBeatAt) }))
      .toSorted((a, b) => (a.incarnation < b.incarnation ? -1 : 1))
  },

  end: async (incarnation, how) => markEnded(deps.database, incarnation, how),

  remove: async (incarnations) => {
    for (const incarnation of incarnations) deps.database.workers.delete(incarnation)
  },
})

const startHeartbeat = (
  { database, clock, timers }: Deps,
  worker: WorkerDescription,
  silentBy: SilentWorkers,
): Heartbeat => {
  const watch = createLeaseWatch()
  let acknowledgedSentAtMs = clock.monotonicMs()
  let status: Parameters<Heartbeat['report']>[0] = { running: 0, state: 'live' }

  const beat = (): void => {
    const row = database.workers.get(worker.incarnation)
    if (row === undefined || row.state === 'ended') {
      // The incarnation was declared lost. Even its earlier beats do not count any more, so that its lease ends at once.
      acknowledgedSentAtMs = Number.NEGATIVE_INFINITY
      return
    }
    database.workers.set(worker.incarnation, { ...row, ...status, beat: row.beat + 1, lastBeatAt: database.now() })
    acknowledgedSentAtMs = clock.monotonicMs()
    silentBy.set(worker.incarnation, findSilent(database, watch, clock.monotonicMs()))
    cancel = timers.after(worker.beatMs, beat)
  }
  let cancel = timers.after(worker.beatMs, beat)

  return {
    lastAcknowledgedSentAtMs: () => acknowledgedSentAtMs,
    report: ({ running, state }) => {
      status = { running, state }
    },
    stop: async (how) => {
      cancel()
      silentBy.delete(worker.incarnation)
      markEnded(database, worker.incarnation, how)
    },
  }
}

const findSilent = (database: MemoryDatabase, watch: LeaseWatch, nowMs: number): readonly SilentWorker[] => {
  const live = [...database.workers.values()].filter(({ state }) => state !== 'ended')
  const watched = new Map(live.map((row) => [row.incarnation, row]))
  return watch
    .observe({ askedAtMs: nowMs, answeredAtMs: nowMs, watched })
    .map((incarnation) => ({ incarnation, beat: watched.get(incarnation)?.beat ?? 0 }))
}

const markEnded = (database: MemoryDatabase, incarnation: Incarnation, how: 'fenced' | undefined): void => {
  const row = database.workers.get(incarnation)
  if (row !== undefined) database.workers.set(incarnation, { ...row, state: 'ended', ended: how ?? row.ended })
}
