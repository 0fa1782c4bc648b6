import type { Incarnation } from '#domain/identifiers.ts'
import type { RunIndex } from '../ports/heads/run-index.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { WorkerRegistry, WorkerRow } from '../ports/workers/worker-registry.ts'
import type { LostWorker } from './lost-runs.ts'
import { createLeaseWatch, type WatchedLease } from './lease-watch.ts'

/** Finds lost workers and gives their runs back to the queue. It never runs a handler. */
export interface Sweeper {
  /**
   * Reads which workers are alive, and recovers the runs of lost ones in the background, one recovery at a time, so that
   * the readings stay close together. Throws StoreUnavailableError.
   */
  sweep(signal: AbortSignal): Promise<void>
  /** From one reading to the next: at most `sweepMs`, and four readings for each shortest lease. */
  everyMs(): number
  /** Resolves when the recovery that is under way has ended. */
  settle(): Promise<void>
}

interface Deps {
  readonly registry: Pick<WorkerRegistry, 'end' | 'remove' | 'findSilent'>
  /** The rows of the registry as they are now. Throws StoreUnavailableError. */
  readonly readWorkers: () => Promise<readonly WorkerRow[]>
  readonly runs: Pick<RunIndex, 'listRunningIncarnations'>
  /** Gives the runs of one lost incarnation back to the queue. Throws StoreUnavailableError. */
  readonly recoverLostRuns: (lost: LostWorker, signal: AbortSignal) => Promise<void>
  readonly runtime: Runtime
}

interface Options {
  readonly sweepMs: number
  /** The lease of an incarnation that has no row to tell it. */
  readonly leaseMs: number
}

/** One more than lease-watch.ts needs, because the time between two readings varies. */
const readingsPerLease = 4
const sweepMsMin = 50
const removalsMax = 1_000

export const createSweeper = (deps: Deps, options: Options): Sweeper => {
  const watch = createLeaseWatch()
  let shortestLeaseMs = options.leaseMs
  let recovering: Promise<void> | undefined
  let outage: 'none' | 'under-way' = 'none'

  const recoverAll = async (lost: Lost, signal: AbortSignal): Promise<void> => {
    for (const incarnation of lost.silent) {
      await deps.registry.end(incarnation)
      deps.runtime.count('workers-lost')
      deps.runtime.logger.warn(
        { incarnation },
        'a worker gave no sign of life for its whole lease and was declared lost',
      )
    }
    for (const worker of lost.running) {
      if (signal.aborted) return
      await deps.recoverLostRuns(worker, signal)
    }
    if (lost.finished.length > 0) await deps.registry.remove(lost.finished)
  }

  const recover = async (lost: Lost, signal: AbortSignal): Promise<void> => {
    try {
      await recoverAll(lost, signal)
      outage = 'none'
    } catch (error) {
      if (outage === 'none') deps.runtime.logger.warn({ err: error }, 'lost runs were not recovered')
      outage = 'under-way'
    }
    recovering = undefined
  }

  return {
    sweep: async (signal) => {
      const askedAtMs = deps.runtime.clock.monotonicMs()
      const rows = await deps.readWorkers()
      // Read after the rows: an ended row under which nothing runs by then will never have a run again.
      const running = new Set(await deps.runs.listRunningIncarnations())
      const watched = toWatched(rows, running, options.leaseMs)
      shortestLeaseMs = Math.min(...[...watched.values()].map(({ leaseMs }) => leaseMs), options.leaseMs)
      const answeredAtMs = deps.runtime.clock.monotonicMs()
      const silent = new Set([
        ...watch.observe({ askedAtMs, answeredAtMs, watched }),
        // Seen by a thread that handlers do not hold up. Whoever has beaten since is not silent any more.
        ...deps.registry
          .findSilent()
          .filter(({ incarnation, beat }) => watched.get(incarnation)?.beat === beat)
          .map(({ incarnation }) => incarnation),
      ])
      const lost = findLost(rows, running, silent)
      deps.runtime.count('sweeps')
      if (lost.silent.length + lost.running.length + lost.finished.length > 0) recovering ??= recover(lost, signal)
    },
    everyMs: () => Math.max(sweepMsMin, Math.min(options.sweepMs, shortestLeaseMs / readingsPerLease)),
    settle: async () => {
      await recovering
    },
  }
}

interface Lost {
  /** To be marked ended. */
  readonly silent: readonly Incarnation[]
  /** Lost, and named by heads as running. */
  readonly running: readonly LostWorker[]
  /** Ended, and named by no head as running. */
  readonly finished: readonly Incarnation[]
}

/** The incarnations that have not ended: each beats, or should. */
const toWatched = (
  rows: readonly WorkerRow[],
  running: ReadonlySet<Incarnation>,
  leaseMs: number,
): ReadonlyMap<Incarnation, WatchedLease> => {
  const watched = new Map<Incarnation, WatchedLease>()
  for (const incarnation of running) watched.set(incarnation, { beat: undefined, leaseMs })
  for (const row of rows) {
    if (row.state === 'ended') watched.delete(row.incarnation)
    else watched.set(row.incarnation, row)
  }
  return watched
}

const findLost = (
  rows: readonly WorkerRow[],
  running: ReadonlySet<Incarnation>,
  silent: ReadonlySet<Incarnation>,
): Lost => {
  const endedRows = rows.filter((row) => row.state === 'ended')
  const ended = new Set(endedRows.map((row) => row.incarnation))
  const fenced = new Set(endedRows.filter((row) => row.ended === 'fenced').map((row) => row.incarnation))
  return {
    silent: rows.map((row) => row.incarnation).filter((incarnation) => silent.has(incarnation)),
    running: [...running]
      .filter((incarnation) => ended.has(incarnation) || silent.has(incarnation))
      .map((incarnation) => ({ incarnation, worker: fenced.has(incarnation) ? 'fenced' : 'silent' })),
    finished: [...ended].filter((incarnation) => !running.has(incarnation)).slice(0, removalsMax),
  }
}
