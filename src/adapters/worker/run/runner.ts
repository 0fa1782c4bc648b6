import { type FinishCommand, finishRun, type FinishRunDeps } from '#application/runs/finish-run.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { RunningHead } from '#application/ports/heads/run-index.ts'
import type { RunObservation } from '#application/ports/surroundings/run-observer.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { type RunningTask, runsApart } from '#domain/task/state.ts'
import { ActiveRun, type RunSurroundings } from './active-run.ts'
import { createDeadlines, type Deadlines } from './deadlines.ts'
import type { HandlerEnding } from './handler-ending.ts'
import { type Isolation, preparationMsMax } from '../isolation/isolation.ts'
import { createOpenRuns } from './open-runs.ts'
import type { RunTools } from './run-context.ts'
import { runHandler } from './run-handler.ts'
import type { WorkerLease } from '../lease/worker-lease.ts'

/** Runs started tasks and records what becomes of them. */
export interface Runner {
  begin(task: RunningTask, lease: WorkerLease, observation: RunObservation): void
  /** Records that a started task is handed back unspent: its handler never began. */
  handBack(task: RunningTask, lease: WorkerLease, observation: RunObservation): void
  isRunning(taskId: TaskId): boolean
  /** Cancellation was requested of these runs. What does not run here is left alone. */
  cancel(runs: readonly RunningHead[]): void
  /** Aborts every handler with `shutdown`. */
  shutDown(): void
  /** Aborts the handlers of a lease that is over; nothing of them is recorded. */
  abandon(lease: WorkerLease): void
  /** Handlers at work, those included that were given up on: each keeps its slot. */
  handlerCount(): number
  /** Runs of which something is still to be recorded. */
  unrecordedCount(): number
  close(): void
}

export interface RunnerDeps extends FinishRunDeps, RunTools {
  readonly clock: Clock
  readonly handlers: ReadonlyMap<string, TaskHandler>
  readonly isolation: Isolation
  /** A handler ended, or an outcome was settled: there may be more room. */
  readonly onProgress: () => void
}

export const createRunner = (deps: RunnerDeps): Runner => new HandlerRunner(deps)

class HandlerRunner implements Runner {
  readonly #deps: RunnerDeps
  readonly #surroundings: RunSurroundings
  readonly #deadlines: Deadlines
  readonly #open = createOpenRuns()
  /** Handlers at work, those of open runs among them. */
  #handlers = 0
  #recording = 0

  constructor(deps: RunnerDeps) {
    this.#deps = deps
    this.#surroundings = {
      ...deps,
      onDeadline: (run) => this.#deadlines.watch(run),
      onCutOff: (run, command) => this.#cutOff(run, command),
    }
    this.#deadlines = createDeadlines({ ...deps, entries: () => this.#open.values() })
  }

  begin(task: RunningTask, lease: WorkerLease, observation: RunObservation): void {
    const handler = this.#deps.handlers.get(task.submission.type)
    if (handler === undefined) throw new Error(`there is no handler for ${task.submission.type}`)
    const preparationMs = runsApart(task) ? preparationMsMax : 0
    const run = new ActiveRun(this.#surroundings, { task, lease, observation, preparationMs })
    this.#handlers += 1
    this.#open.add(run)
    this.#deadlines.watch(run)
    void run.observation.within(() => this.#run(run, handler)).then((ending) => this.#end(run, ending))
  }

  handBack(task: RunningTask, lease: WorkerLease, observation: RunObservation): void {
    this.#record(task, { type: 'Release', run: task.run }, lease, observation)
  }

  isRunning(taskId: TaskId): boolean {
    return this.#open.find(taskId) !== undefined
  }

  cancel(runs: readonly RunningHead[]): void {
    for (const { taskId, run } of runs) {
      const found = this.#open.find(taskId)
      if (found?.task.run === run) found.abort('cancelled')
    }
  }

  shutDown(): void {
    for (const run of this.#open.values()) run.abort('shutdown')
  }

  abandon(lease: WorkerLease): void {
    for (const run of this.#open.values()) {
      if (run.lease !== lease) continue
      this.#open.delete(run)
      this.#deps.count('outcomes-fenced')
      run.abandon()
      run.observation.fenced()
    }
  }

  handlerCount(): number {
    return this.#handlers
  }

  unrecordedCount(): number {
    return this.#open.size() + this.#recording
  }

  close(): void {
    this.#deadlines.close()
  }

  #end(run: ActiveRun, ending: HandlerEnding): void {
    this.#handlers -= 1
    this.#open.delete(run)
    if (!run.isGivenUp) this.#record(run.task, run.toCommand(ending), run.lease, run.observation)
    this.#deps.onProgress()
  }

  #run(run: ActiveRun, handler: TaskHandler): Promise<HandlerEnding> {
    const { task, context } = run
    if (!runsApart(task)) return runHandler(handler, task.submission.payload, context)
    return this.#deps.isolation.run({ ...this.#deps, task, context, onBegun: () => run.begin() })
  }

  #record(task: RunningTask, command: FinishCommand, lease: WorkerLease, observation: RunObservation): void {
    this.#recording += 1
    void finishRun(this.#deps, task, command, lease, observation).then(this.#recorded)
  }

  readonly #recorded = (): void => {
    this.#recording -= 1
    this.#deps.onProgress()
  }

  #cutOff(run: ActiveRun, command: FinishCommand): void {
    this.#open.delete(run)
    const { taskId, run: number, submission } = run.task
    this.#deps.count('handlers-cut-off')
    this.#deps.logger.warn(
      { taskId, run: number, taskType: submission.type },
      'a handler ignored its signal, was given up on and keeps its slot until it ends',
    )
    this.#record(run.task, command, run.lease, run.observation)
  }
}
