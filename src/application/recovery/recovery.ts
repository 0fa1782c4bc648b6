import { createHeadRepair } from './head-repair.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'
import type { QueueDepth } from '../hints/queue-depth.ts'
import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import type { ExclusiveWork } from '../ports/workers/exclusive-work.ts'
import type { Routes } from '../ports/heads/routes.ts'
import type { RunIndex } from '../ports/heads/run-index.ts'
import type { RunnableIndex } from '../ports/heads/runnable-index.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import type { TaskQueue } from '../ports/queue/task-queue.ts'
import type { WorkerRegistry } from '../ports/workers/worker-registry.ts'
import { createRecentRead } from '../mechanisms/recent-read.ts'
import { createPeriodicLoop } from '../mechanisms/periodic-loop.ts'
import { createReconciler } from '../hints/reconciler.ts'
import { createSweeper } from './sweeper.ts'

/** The recovery of one process: every one that works or maintains has it. */
export interface Maintenance {
  start(): void
  /** Ends both loops, and resolves when what is under way has ended. */
  close(): Promise<void>
}

export interface MaintenanceDeps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly runnable: RunnableIndex
  readonly runs: RunIndex
  readonly routes: Routes
  readonly queue: TaskQueue
  readonly queueDepth: QueueDepth
  readonly registry: WorkerRegistry
  readonly exclusiveWork: ExclusiveWork
  /** Its horizon must reach three times `reconcileMs`: what is due later is left to the next pass. */
  readonly announcer: ReadyAnnouncer
  readonly identities: Identities
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly count: Count
}

export interface MaintenanceOptions {
  /** The lease of an incarnation that runs something and has no row. */
  readonly leaseMs: number
  readonly sweepMs: number
  readonly reconcileMs: number
}

export const createMaintenance = (deps: MaintenanceDeps, options: MaintenanceOptions): Maintenance => {
  const headRepair = createHeadRepair(deps)
  const workers = createRecentRead(deps.clock, () => deps.registry.readAll())
  const sweeper = createSweeper(
    { ...deps, headRepair, registry: { ...deps.registry, readAll: workers.fresh } },
    options,
  )
  const reconciler = createReconciler({ ...deps, readWorkers: () => workers.recent(options.reconcileMs) }, options)
  const sweeps = createPeriodicLoop(deps, {
    name: 'sweep',
    pass: (signal) => sweeper.sweep(signal),
    everyMs: () => sweeper.everyMs(),
  })
  const reconciles = createPeriodicLoop(deps, {
    name: 'reconcile',
    pass: (signal) => reconciler.reconcile(signal),
    everyMs: () => reconciler.everyMs(),
  })
  return {
    start: () => {
      sweeps.start()
      reconciles.start()
    },
    close: async () => {
      await Promise.all([sweeps.close(), reconciles.close()])
      await sweeper.settle()
      await headRepair.close()
    },
  }
}
