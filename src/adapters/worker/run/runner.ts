import { type FinishCommand, finishRun, type FinishRunDeps } from '#application/runs/finish-run.ts'
import type { ProgressWriter } from '#application/runs/progress-writer.ts'
import { createSlotTable } from '#application/mechanisms/slot-table.ts'
import type { RunningHead } from '#application/ports/heads/run-index.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { RunObservation } from '#application/ports/surroundings/run-observer.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { type RunningTask, runsApart } from '#domain/task/state.ts'
import { type Isolation, preparationMsMax } from '../isolation/isolation.ts'
import type { WorkerLease } from '../lease/worker-lease.ts'
import type { Slots } from '../slots.ts'
import { ActiveRun, type RunSurroundings } from './active-run.ts'
import { type CodeOrigin, withinOrigin } from './code-origin.ts'
import { createDeadlines, type Deadlines } from './deadlines.ts'
import { toErrorReport } from './error-report.ts'
import type { HandlerEnding } from './handler-ending.ts'
import { runHandler } from './run-handler.ts'

/** Runs started tasks and records their outcomes. Tells the slots of each step; aborts the runs of a lease that ends. */
export interface Runner {
  /** Throws when there is no handler for the type; nothing has begun then. */
  begin(task: RunningTask, lease: WorkerLease, observation: RunObservation): void
  /** Records that a started task is handed back unspent: its handler never began. */
  handBack(task: RunningTask, lease: WorkerLease, observation: RunObservation): void
  /** Aborts those of these runs that are at work here: their cancellation was requested. */
  cancel(runs: readonly RunningHead[]): void
  /** Aborts every handler with `shutdown`. */
  shutDown(): void
  /**
   * Aborts every handler and records its run at once, because the process ends: the run that the error escaped from has
   * crashed, unless it is over already, and the others are handed back.
   */
  breakDown(escaped: EscapedError): void
  close(): void
}

/** What nobody caught, and the run that it comes from. */
export interface EscapedError {
  readonly thrown: unknown
  readonly origin: CodeOrigin
}

export interface RunnerDeps {
  readonly runtime: Runtime
  readonly slots: Slots
  /** By task type. */
  readonly handlers: ReadonlyMap<string, TaskHandler>
  readonly isolation: Isolation
  readonly ledger: IdempotencyLedger
  readonly progress: ProgressWriter
  readonly finishing: FinishRunDeps
}

export const createRunner = (deps: RunnerDeps): Runner => {
  const runner = new HandlerRunner(deps)
  deps.slots.onLeaseEnd((lease) => runner.abandon(lease))
  return runner
}

class HandlerRunner implements Runner {
  readonly #deps: RunnerDeps
  readonly #surroundings: RunSurroundings
  readonly #deadlines: Deadlines
  /** Runs whose handler is at work and was not given up on: at most one a task, because only one run is in force. */
  readonly #open = createSlotTable<ActiveRun>()

  constructor(deps: RunnerDeps) {
    const { runtime, ledger, progress } = deps
    const { clock, timers } = runtime
    const deadlines = createDeadlines({ clock, timers, entries: () => this.#open.values() })
    this.#deps = deps
    this.#deadlines = deadlines
    this.#surroundings = {
      tools: { runtime, ledger, progress },
      onDeadline: (run) => deadlines.watch(run),
      onCutOff: (run, command) => this.#cutOff(run, command),
    }
  }

  begin(task: RunningTask, lease: WorkerLease, observation: RunObservation): void {
    const handler = this.#deps.handlers.get(task.facts.submission.type)
    if (handler === undefined) throw new Error(`there is no handler for ${task.facts.submission.type}`)
    const preparationMs = runsApart(task) ? preparationMsMax : 0
    const run = new ActiveRun(this.#surroundings, { task, lease, observation, preparationMs })
    this.#deps.slots.begin()
    run.place = this.#open.add(run)
    this.#deadlines.watch(run)
    void observation.within(() => this.#run(run, handler)).then((ending) => this.#end(run, ending))
  }

  handBack(task: RunningTask, lease: WorkerLease, observation: RunObservation): void {
    this.#deps.slots.handBack(task.taskId)
    this.#record(task, { type: 'Release', run: task.run }, lease, observation)
  }

  cancel(runs: readonly RunningHead[]): void {
    const cancelled = new Map<TaskId, number>(runs.map(({ taskId, run }) => [taskId, run]))
    for (const run of this.#open.values()) {
      if (cancelled.get(run.task.taskId) === run.task.run) run.abort('cancelled')
    }
  }

  shutDown(): void {
    for (const run of this.#open.values()) run.abort('shutdown')
  }

  /** Aborts the handlers of a lease that is over; none of their outcomes is recorded. */
  abandon(lease: WorkerLease): void {
    for (const run of this.#open.values()) {
      if (run.lease !== lease) continue
      this.#remove(run)
      this.#deps.slots.recorded()
      this.#deps.runtime.count('outcomes-fenced')
      run.abandon()
      run.observation.fenced()
    }
  }

  breakDown({ thrown, origin }: EscapedError): void {
    const report = toErrorReport(thrown)
    for (const run of this.#open.values()) {
      const { taskId, run: number } = run.task
      const isCulprit = taskId === origin.taskId && number === origin.run
      this.#remove(run)
      this.#record(run.task, run.endWithProcess(isCulprit ? report : undefined), run.lease, run.observation)
    }
  }

  close(): void {
    this.#deadlines.close()
  }

  #run(run: ActiveRun, handler: TaskHandler): Promise<HandlerEnding> {
    const { task, context } = run
    if (!runsApart(task)) {
      return withinOrigin(run.origin, runHandler, handler, task.facts.submission.payload, context)
    }
    return this.#deps.isolation.run({
      task,
      context,
      ledger: this.#deps.ledger,
      onBegun: () => run.begin(),
    })
  }

  #end(run: ActiveRun, ending: HandlerEnding): void {
    if (!run.isGivenUp) {
      this.#remove(run)
      this.#record(run.task, run.toCommand(ending), run.lease, run.observation)
    }
    this.#deps.slots.leave()
  }

  #cutOff(run: ActiveRun, command: FinishCommand): void {
    this.#remove(run)
    const { taskId, run: number, facts } = run.task
    this.#deps.runtime.count('handlers-cut-off')
    this.#deps.runtime.logger.warn(
      { taskId, run: number, taskType: facts.submission.type },
      'a handler ignored its signal, was given up on and keeps its slot until it ends',
    )
    this.#record(run.task, command, run.lease, run.observation)
  }

  #remove(run: ActiveRun): void {
    this.#open.remove(run.place)
    this.#deps.slots.release(run.task.taskId)
  }

  #record(task: RunningTask, command: FinishCommand, lease: WorkerLease, observation: RunObservation): void {
    void finishRun(this.#deps.finishing, task, command, lease, observation).then(this.#recorded)
  }

  readonly #recorded = (): void => this.#deps.slots.recorded()
}
