import { createHeadRepair } from '#application/recovery/head-repair.ts'
import { createTaskLoader } from '#application/runs/task-loader.ts'
import { createPeriodicLoop, type PeriodicLoop } from '#application/mechanisms/periodic-loop.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { WorkerDescription } from '#application/ports/workers/worker-registry.ts'
import type { ProgressWriter } from '#application/runs/progress-writer.ts'
import { type CancelWatch, createCancelWatch } from './lease/cancel-watch.ts'
import { createDispatcher } from './dispatcher.ts'
import { createHintSource, type HintSource } from './prefetch/hint-source.ts'
import { createIntake, type Intake } from './prefetch/intake.ts'
import { createRunner, type Runner } from './run/runner.ts'
import { createServedRoutes, type ServedRoutes } from './prefetch/served-routes.ts'
import { createLeaseKeeper, type LeaseKeeper } from './lease/lease-keeper.ts'
import { createWake } from './prefetch/wake.ts'
import type { WorkerDeps, WorkerOptions } from './worker-deps.ts'
import type { WorkerLease } from './lease/worker-lease.ts'

/** Joins the parts of one worker. Nothing is begun that would have to be ended, but the intake's loop, which only waits. */
export const assembleWorker = (deps: WorkerDeps, options: WorkerOptions, progress: ProgressWriter) => {
  const wake = createWake()
  const headRepair = createHeadRepair(deps)
  const loader = createTaskLoader({ ...deps, headRepair })
  const source = createHintSource(deps)
  const types = new Set(deps.handlers.keys())
  const routes = createServedRoutes({ ...deps, types, queues: options.queues, onLearned: () => pullAnew() })

  const fill = (): void => {
    dispatcher.fill()
    wake.wake()
  }
  /** What comes free at once is given away at once: a pull for one of fifty slots would cost as much as one for all. */
  const fillSoon = createOncePerTurn(deps.timers, fill)

  const runner = createRunner({ ...deps, progress, onProgress: fillSoon })
  const keeper = createLeaseKeeper(
    {
      ...deps,
      onEnded: (lease) => {
        runner.abandon(lease)
        intake.clear()
      },
      onBegun: fillSoon,
    },
    toDescription(options, [...types]),
  )
  const lease = () => keeper.current()
  const dispatcher = createDispatcher(
    { ...deps, headRepair, runner, lease, take: (max) => intake.take(max), onProgress: fillSoon },
    options,
  )
  const intake = createIntake({
    ...deps,
    source,
    loader,
    routes,
    wake,
    lease,
    target: () => dispatcher.target(),
    isTaken: (taskId) => dispatcher.isStarting(taskId) || runner.isRunning(taskId),
    onLoaded: fill,
  })
  const pullAnew = (): void => {
    intake.pullAnew()
    wake.wake()
  }
  const cancels = createCancelWatch({ ...deps, runner, lease })

  const look = createLook({ runner, keeper, intake, routes, source, lease, fill }, options)

  return {
    runner,
    dispatcher,
    keeper,
    intake,
    routes,
    source,
    headRepair,
    loops: createLoops(deps, options, { look, routes, cancels }),
    /** Each hears signals until the function it returns is called. */
    listeners: [() => cancels.listen(), () => listenForRoutes(deps.signals, routes)],
  }
}

interface Parts {
  readonly runner: Runner
  readonly keeper: LeaseKeeper
  readonly intake: Intake
  readonly routes: ServedRoutes
  readonly source: HintSource
  readonly lease: () => WorkerLease | undefined
  readonly fill: () => void
}

/** What is looked at now and then, whatever happens: the lease, what waits too long, and free slots. */
const createLook =
  ({ runner, keeper, intake, routes, source, lease, fill }: Parts, { concurrency }: WorkerOptions) =>
  async (): Promise<void> => {
    lease()?.isHeld()
    keeper.report({ running: runner.handlerCount(), state: 'live' })
    intake.giveBackStale()
    // While nothing can be taken nothing is asked for, and the first pull after that must have its time as well.
    if (runner.handlerCount() >= concurrency || routes.all().length === 0) source.excuse()
    fill()
  }

const toDescription = (options: WorkerOptions, types: readonly string[]): Omit<WorkerDescription, 'incarnation'> => {
  const { host, pid, queues, concurrency, leaseMs, beatMs } = options
  return { host, pid, queues, types, concurrency, leaseMs, beatMs }
}

/** Calls `callback` once when the turn is over, however often it was asked to meanwhile. */
const createOncePerTurn = (timers: Timers, callback: () => void): (() => void) => {
  let state: 'none' | 'coming' = 'none'
  return () => {
    if (state === 'coming') return
    state = 'coming'
    timers.soon(() => {
      state = 'none'
      callback()
    })
  }
}

interface Chores {
  readonly look: () => Promise<void>
  readonly routes: ServedRoutes
  readonly cancels: CancelWatch
}

const createLoops = (deps: WorkerDeps, { beatMs, leaseMs }: WorkerOptions, chores: Chores): readonly PeriodicLoop[] => [
  createPeriodicLoop(deps, { name: 'routes', pass: () => chores.routes.refresh(), everyMs: () => routesEveryMs }),
  createPeriodicLoop(deps, { name: 'cancels', pass: () => chores.cancels.look(), everyMs: () => beatMs }),
  createPeriodicLoop(deps, {
    name: 'lease',
    pass: chores.look,
    everyMs: () => Math.min(lookEveryMsMax, leaseMs / looksPerLease),
  }),
]

/** A refresh that fails comes again with the next pass. */
const listenForRoutes = (signals: Signals, routes: ServedRoutes): (() => void) =>
  signals.subscribe((signal) => {
    if (signal.kind === 'route-learned') void routes.refresh().catch(() => {})
  })

/** How often what was learned anywhere is read again; a signal only makes it sooner. */
const routesEveryMs = 2_000
/** How often the lease is looked at when nothing else asks. */
const lookEveryMsMax = 1_000
const looksPerLease = 10
