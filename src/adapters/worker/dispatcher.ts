import { startRun, type StartOutcome, type StartRunDeps } from '#application/runs/start-run.ts'
import type { Startable } from '#application/runs/task-loader.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { runsApart } from '#domain/task/state.ts'
import type { Isolation } from './isolation/isolation.ts'
import { createPace } from './prefetch/throughput.ts'
import type { Runner } from './run/runner.ts'
import type { WorkerLease } from './lease/worker-lease.ts'

/** Gives free slots to tasks that are at hand: claims them, and lets them run once the claim is durable. */
export interface Dispatcher {
  /** Starts as many of the tasks at hand as there are slots. */
  fill(): void
  /** How many tasks should be at hand: one for each free slot, and as many again as come free while the next are fetched. */
  target(): number
  isStarting(taskId: TaskId): boolean
  startingCount(): number
  /** From now on nothing is claimed, and what is being claimed is handed back. */
  stop(): void
}

interface Deps extends StartRunDeps {
  readonly clock: Clock
  readonly runner: Runner
  readonly isolation: Isolation
  readonly lease: () => WorkerLease | undefined
  readonly take: (max: number) => readonly Startable[]
  /** Slots changed hands. */
  readonly onProgress: () => void
}

/** Tasks that are fetched before there is a slot for them. */
const aheadMax = 1_000
/** Outcomes that wait for the store, beyond which nothing new is started: a handler's slot is free before they are recorded. */
const unrecordedMin = 1_000

export const createDispatcher = (deps: Deps, { concurrency }: { readonly concurrency: number }): Dispatcher => {
  const starting = new Set<TaskId>()
  let startingApart = 0
  const pace = createPace(deps.clock)
  const unrecordedMax = Math.max(unrecordedMin, 2 * concurrency)
  let state: 'working' | 'stopped' = 'working'

  const freeSlots = (): number => {
    if (state === 'stopped') return 0
    const unrecorded = deps.runner.unrecordedCount() + starting.size
    return Math.min(concurrency - starting.size - deps.runner.handlerCount(), unrecordedMax - unrecorded)
  }

  /** What cannot have a process of its own yet is left to whoever meets it next: here it would keep a slot from others. */
  const hasPlace = ({ task }: Startable): boolean => {
    if (!runsApart(task) || startingApart < deps.isolation.freeCount()) return true
    deps.count('dropped-no-process')
    return false
  }

  // Not async: what waits keeps all it has seen until it goes on, and everything that starts waits here.
  const start = (startable: Startable, lease: WorkerLease): void => {
    starting.add(startable.task.taskId)
    startingApart += Number(runsApart(startable.task))
    void startRun(deps, startable, lease).then(
      (outcome) => conclude(startable, () => settle(outcome, lease)),
      (error: unknown) =>
        conclude(startable, () => {
          throw error
        }),
    )
  }

  const conclude = ({ task }: Startable, work: () => void): void => {
    try {
      work()
    } catch (error) {
      deps.logger.error({ taskId: task.taskId, err: error }, 'a task was not started')
    } finally {
      starting.delete(task.taskId)
      startingApart -= Number(runsApart(task))
      deps.onProgress()
    }
  }

  const settle = (outcome: StartOutcome, lease: WorkerLease): void => {
    if (outcome.kind === 'lost' || outcome.kind === 'lease-lost') return
    pace.note()
    // What overtook a claim is a cancel of this very run, or a later run: handing it back settles the one and leaves the other.
    if (state === 'stopped' || outcome.kind === 'overtaken') {
      deps.runner.handBack(outcome.task, lease, outcome.observation)
    } else deps.runner.begin(outcome.task, lease, outcome.observation)
  }

  return {
    fill: () => {
      const lease = deps.lease()
      const free = freeSlots()
      if (free <= 0 || lease?.isHeld() !== true) return
      for (const startable of deps.take(free)) if (hasPlace(startable)) start(startable, lease)
    },
    target: () => (state === 'stopped' ? 0 : Math.max(0, freeSlots()) + Math.min(aheadMax, pace.perSpan())),
    isStarting: (taskId) => starting.has(taskId),
    startingCount: () => starting.size,
    stop: () => {
      state = 'stopped'
    },
  }
}
