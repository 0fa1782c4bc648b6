import { createHeadRepair } from '#application/recovery/head-repair.ts'
import { createTaskLoader } from '#application/runs/task-loader.ts'
import { createPeriodicLoop, type PeriodicLoop } from '#application/mechanisms/periodic-loop.ts'
import { noRunObserver } from '#application/ports/surroundings/run-observer.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { WorkerDescription } from '#application/ports/workers/worker-registry.ts'
import { createProgressWriter } from '#application/runs/progress-writer.ts'
import { type CancelWatch, createCancelWatch } from './lease/cancel-watch.ts'
import { createLeaseKeeper, type LeaseKeeper } from './lease/lease-keeper.ts'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'
import { createHintSource, type HintSource } from './prefetch/hint-source.ts'
import { createIntake, type Intake } from './prefetch/intake.ts'
import { createServedLanes, type ServedLanes } from './prefetch/served-lanes.ts'
import { createWaitingTasks } from './prefetch/waiting-tasks.ts'
import { createRunner } from './run/runner.ts'
import { createSlots, type Slots } from './slots.ts'
import type { WorkerDeps, WorkerOptions } from './worker-deps.ts'

/**
 * Joins the parts of one worker. Each is given those created above it, and none knows one created below it: what moves a
 * task or the worker on comes from `Slots`, which they all share.
 *
 * The modes of a worker, and what moves it on:
 *
 * ```
 *                     first beat acknowledged                drain()              idle, or DRAIN_MS and
 *                     (lease-keeper)                         (worker)             the grace are over
 *   without a lease ───────────────────────────▶ working ───────────────▶ draining ───────────────────▶ ended
 *         ▲                                         │                        │
 *         └─── lease over: no beat acknowledged in time (worker-lease): ─────┘
 *              the runner abandons its runs, the waiting tasks are forgotten
 * ```
 *
 * The way of a task id, and what moves it on:
 *
 * ```
 *   queue, or heads
 *        │  intake: fewer tasks at hand than the slots' target
 *   hint-source
 *        │  stream-prefetch: the store has loaded its stream, and the task may be started
 *   waiting-tasks ────────────── no slot within 1 s: hinted at again, for another worker
 *        │  dispatcher: a slot is free
 *   starting (slot)  ─────────── another was first: dropped
 *        │  runner: its Started is durable      └ overtaken, or draining: handed back
 *   at work (slot)   ─────────── ignores its signal beyond the grace: given up on, slot kept until it ends
 *        │  runner: its handler has ended
 *   recording
 *        │  its outcome is durable
 *   gone
 * ```
 */
export const assembleWorker = (deps: WorkerDeps, options: WorkerOptions) => {
  const { runtime, heads, records, hints, registry, identities, handlers, isolation } = deps
  const { clock, timers, random, logger, count } = runtime
  const { store, ledger, progressBoard, runObserver = noRunObserver } = records
  const { queue, queueDepth, signals, announcer } = hints
  const { index, runnable, runs } = heads
  const types = new Set(handlers.keys())

  const slots = createSlots(runtime, options)
  const headRepair = createHeadRepair({ store, index, announcer, runtime })
  const progress = createProgressWriter({ board: progressBoard, timers, random, logger })
  const keeper = createLeaseKeeper({ runtime, slots, registry, identities }, toDescription(options, [...types]))

  const finishing = { store, index, identities, announcer, runtime }
  const runner = createRunner({ runtime, slots, handlers, isolation, ledger, progress, finishing })
  const cancels = createCancelWatch({ runs, signals, slots, runner })

  const waiting = createWaitingTasks({ clock, announcer })
  const starting = { store, identities, headRepair, runObserver, runtime }
  const dispatcher = createDispatcher({ runtime, slots, waiting, runner, isolation, starting })

  const lanes = createServedLanes(hints.lanes, { types, queues: options.queues })
  const source = createHintSource({ runtime, queue, queueDepth, runnable, lanes })
  const loader = createTaskLoader({ store, announcer, headRepair, logger, count })
  const intake = createIntake({ runtime, slots, source, loader, lanes, waiting, onLoaded: dispatcher.fill })

  const check = createCheck({ slots, keeper, intake, source, dispatcher }, options)
  return {
    slots,
    runner,
    keeper,
    intake,
    source,
    headRepair,
    progress,
    loops: createLoops(runtime, options, { check, lanes, cancels }),
    /** Each listens to signals until the function that it returns is called. */
    listeners: [() => cancels.listen()],
  }
}

interface CheckedParts {
  readonly slots: Slots
  readonly keeper: LeaseKeeper
  readonly intake: Intake
  readonly source: HintSource
  readonly dispatcher: Dispatcher
}

/** Checks what time alone may have changed: the lease, the tasks that have waited too long, and the free slots. */
const createCheck =
  ({ slots, keeper, intake, source, dispatcher }: CheckedParts, { concurrency }: WorkerOptions) =>
  async (): Promise<void> => {
    // Ends the lease when it is over.
    slots.lease()?.isHeld()
    keeper.report()
    intake.giveBackStale()
    // Without a free slot nothing is pulled, and that silence must not count against the next pull.
    if (slots.counts().handlers >= concurrency) source.resetSilence()
    dispatcher.fill()
  }

const toDescription = (options: WorkerOptions, types: readonly string[]): Omit<WorkerDescription, 'incarnation'> => {
  const { host, pid, queues, concurrency, leaseMs, beatMs } = options
  return { host, pid, queues, types, concurrency, leaseMs, beatMs }
}

interface Chores {
  readonly check: () => Promise<void>
  readonly lanes: ServedLanes
  readonly cancels: CancelWatch
}

const createLoops = (
  runtime: Runtime,
  { beatMs, leaseMs }: WorkerOptions,
  { check, lanes, cancels }: Chores,
): readonly PeriodicLoop[] => [
  createPeriodicLoop(runtime, { name: 'lanes', pass: () => lanes.refresh(), everyMs: () => lanesEveryMs }),
  createPeriodicLoop(runtime, { name: 'cancels', pass: () => cancels.poll(), everyMs: () => beatMs }),
  createPeriodicLoop(runtime, {
    name: 'lease',
    pass: check,
    everyMs: () => Math.min(checkEveryMsMax, leaseMs / checksPerLease),
  }),
]

/** How often it is read again which queues have lanes of their own. */
const lanesEveryMs = 2_000
/** How often the lease is checked when nothing else asks for it. */
const checkEveryMsMax = 1_000
const checksPerLease = 10
