import { startRun, type StartOutcome, type StartRunDeps } from '#application/runs/start-run.ts'
import type { Startable } from '#application/runs/task-loader.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { runsApart } from '#domain/task/state.ts'
import type { Isolation } from './isolation/isolation.ts'
import type { WorkerLease } from './lease/worker-lease.ts'
import type { WaitingTasks } from './prefetch/waiting-tasks.ts'
import type { Runner } from './run/runner.ts'
import type { Slots } from './slots.ts'

/** Gives free slots to waiting tasks: claims them, and lets them run once the claim is durable. */
export interface Dispatcher {
  /** Claims as many of the waiting tasks as there are slots. Also called whenever the slots have changed. */
  fill(this: void): void
}

interface Deps {
  readonly runtime: Runtime
  readonly slots: Slots
  readonly waiting: WaitingTasks
  readonly runner: Runner
  readonly isolation: Isolation
  readonly starting: StartRunDeps
}

export const createDispatcher = ({ runtime, slots, waiting, runner, isolation, starting }: Deps): Dispatcher => {
  let startingApart = 0

  /**
   * A task that finds no process free is dropped, and the reconciler hints at it again: while it waited for a process it
   * would keep a slot from other tasks.
   */
  const findsProcess = ({ task }: Startable): boolean => {
    if (!runsApart(task) || startingApart < isolation.freeCount()) return true
    runtime.count('dropped-no-process')
    return false
  }

  // Not async: a suspended async frame keeps its locals alive (slot-table.ts), and every claim waits here.
  const start = (startable: Startable, lease: WorkerLease): void => {
    slots.claim(startable.task.taskId)
    startingApart += Number(runsApart(startable.task))
    void startRun(starting, startable, lease).then(
      (outcome) => settle(startable, outcome, lease),
      (error: unknown) => fail(startable, error),
    )
  }

  const settle = (startable: Startable, outcome: StartOutcome, lease: WorkerLease): void => {
    const { taskId } = startable.task
    try {
      if (outcome.kind === 'lost' || outcome.kind === 'lease-lost') slots.drop(taskId)
      // A claim was overtaken by a cancel of this very run, or by a later run: handing it back settles the one, and leaves
      // the other alone.
      else if (slots.mode() === 'draining' || outcome.kind === 'overtaken') {
        runner.handBack(outcome.task, lease, outcome.observation)
      } else runner.begin(outcome.task, lease, outcome.observation)
      startingApart -= Number(runsApart(startable.task))
    } catch (error) {
      fail(startable, error)
    }
  }

  const fail = ({ task }: Startable, error: unknown): void => {
    runtime.logger.error({ taskId: task.taskId, err: error }, 'a task was not started')
    startingApart -= Number(runsApart(task))
    slots.drop(task.taskId)
  }

  const fill = (): void => {
    const lease = slots.lease()
    const free = slots.free()
    if (free <= 0 || lease?.isHeld() !== true) return
    for (const startable of waiting.take(free)) if (findsProcess(startable)) start(startable, lease)
  }

  slots.onChange(fill)
  return { fill }
}
