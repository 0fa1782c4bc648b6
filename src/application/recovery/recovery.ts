import type { Hints } from '../hints/hints.ts'
import { createReconciler, type Reconciler } from '../hints/reconciler.ts'
import { createPeriodicLoop } from '../mechanisms/periodic-loop.ts'
import type { RecentRead } from '../mechanisms/recent-read.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { Heads } from '../ports/heads/heads.ts'
import type { RunnableIndex } from '../ports/heads/runnable-index.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import type { StoreClock } from '../ports/surroundings/clock.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { Fleet } from '../ports/workers/fleet.ts'
import type { WorkerRow } from '../ports/workers/worker-registry.ts'
import { createHeadRepair, type HeadRepair } from './head-repair.ts'
import { recoverLostRuns } from './lost-runs.ts'
import { createSteppedOverTasks } from './stepped-over-tasks.ts'
import { createSweeper, type Sweeper } from './sweeper.ts'

/** The recovery of one process: sweeper, reconciler and what a step of the store's clock calls for, each in a loop. Every process that works or maintains has one. */
export interface Recovery {
  start(): void
  /** Ends the loops, and resolves when the passes and the recovery under way have ended. */
  close(): Promise<void>
}

export interface RecoveryDeps {
  readonly store: EventStore
  readonly heads: Heads
  /** The rows of the registry, which the sweeper reads often enough for everybody else. */
  readonly workers: RecentRead<readonly WorkerRow[]>
  /** The announcer's horizon must reach three times `reconcileMs`: tasks due later are left to the next pass. */
  readonly hints: Hints
  readonly fleet: Fleet
  readonly identities: Identities
  readonly storeClock: StoreClock
  readonly runtime: Runtime
}

export interface RecoveryOptions {
  /** The lease of an incarnation that runs something and has no row. */
  readonly leaseMs: number
  readonly sweepMs: number
  readonly reconcileMs: number
}

export const createRecovery = (deps: RecoveryDeps, options: RecoveryOptions): Recovery => {
  const { store, heads, workers, hints, fleet, identities, runtime } = deps
  const headRepair = createHeadRepair({ store, index: heads.index, announcer: hints.announcer, runtime })
  const sweeper = openSweeper(deps, options, headRepair, workers.fresh)
  const reconciler: Reconciler = createReconciler(
    {
      readWorkers: () => workers.recent(options.reconcileMs),
      runnable: withUnnamedRepaired(heads.runnable, headRepair),
      queue: hints.queue,
      lanes: hints.lanes,
      queueDepth: hints.queueDepth,
      exclusiveWork: fleet.exclusiveWork,
      announcer: hints.announcer,
      runtime,
    },
    options,
  )
  const sweeps = createPeriodicLoop(runtime, {
    name: 'sweep',
    pass: (signal) => sweeper.sweep(signal),
    everyMs: () => sweeper.everyMs(),
  })
  const reconciles = createPeriodicLoop(runtime, {
    name: 'reconcile',
    pass: (signal) => reconciler.reconcile(signal),
    everyMs: () => reconciler.everyMs(),
  })
  const steppedOver = createSteppedOverTasks({
    runnable: heads.runnable,
    exclusiveWork: fleet.exclusiveWork,
    changing: { store, index: heads.index, identities, count: runtime.count },
    announcer: hints.announcer,
    storeClock: deps.storeClock,
    runtime,
  })
  return {
    start: () => {
      sweeps.start()
      reconciles.start()
      steppedOver.start()
    },
    close: async () => {
      await Promise.all([sweeps.close(), reconciles.close(), steppedOver.close()])
      await sweeper.settle()
      await headRepair.close()
    },
  }
}

/** The same index, which has the heads repaired whose routes a failover has lost: nobody asks for those by their names. */
const withUnnamedRepaired = (runnable: RunnableIndex, headRepair: HeadRepair): RunnableIndex => ({
  readRoutes: async (after, limit) => {
    const page = await runnable.readRoutes(after, limit)
    for (const taskId of page.unnamed) headRepair.suspect(taskId)
    return page
  },
  readDue: (windows) => runnable.readDue(windows),
  readDueSoon: (routes, withinMs, limit) => runnable.readDueSoon(routes, withinMs, limit),
  readSteppedOver: (shown, limit) => runnable.readSteppedOver(shown, limit),
})

const openSweeper = (
  { store, heads, hints, fleet, identities, runtime }: RecoveryDeps,
  options: RecoveryOptions,
  headRepair: HeadRepair,
  readWorkers: () => Promise<readonly WorkerRow[]>,
): Sweeper => {
  const lostRuns = { store, runs: heads.runs, identities, announcer: hints.announcer, headRepair, runtime }
  return createSweeper(
    {
      registry: fleet.registry,
      readWorkers,
      runs: heads.runs,
      recoverLostRuns: (lost, signal) => recoverLostRuns(lostRuns, lost, signal),
      runtime,
    },
    options,
  )
}
