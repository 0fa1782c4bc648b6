import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { Random } from '#application/ports/surroundings/identities.ts'
import type { ProgressWriter } from '#application/runs/progress-writer.ts'
import { createRunEffects } from '#application/runs/run-effects.ts'
import type { RunObservation } from '#application/ports/surroundings/run-observer.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { createRunProgress } from '#application/runs/run-progress.ts'
import { findTraceId } from '#application/runs/task-trace.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RunningTask } from '#domain/task/state.ts'

/** What a run needs for what its handler is given. */
export interface RunTools {
  readonly ledger: IdempotencyLedger
  readonly progress: ProgressWriter
  readonly timers: Timers
  readonly random: Random
}

/** What all runs of a worker are given. */
export interface RunEquipment extends RunTools {
  readonly logger: Logger
}

/** The run that a context is of. */
interface Run {
  readonly task: RunningTask
  readonly observation: RunObservation
  readonly signal: AbortSignal
}

/**
 * What a handler in this process is given. Most use none of it but the ids, so each member is made when first asked for,
 * and can be taken off the context like any value.
 *
 * A class, because an object literal with getters makes a shape of its own each time, and shapes are old from the start:
 * whatever their getters see survives until the next full collection.
 */
export class RunContext implements HandlerContext {
  readonly taskId: TaskId
  readonly attempt: number
  readonly #run: Run
  readonly #equipment: RunEquipment
  #log: Logger | undefined
  #progress: HandlerContext['progress'] | undefined
  #effect: HandlerContext['effect'] | undefined

  constructor(run: Run, equipment: RunEquipment) {
    this.taskId = run.task.taskId
    this.attempt = run.task.attempt
    this.#run = run
    this.#equipment = equipment
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }

  get log(): Logger {
    const { taskId, attempt } = this
    const traceId = findTraceId(this.#run.observation.context)
    return (this.#log ??= this.#equipment.logger.child({ taskId, attempt, traceId }))
  }

  get progress(): HandlerContext['progress'] {
    const { progress: writer, logger } = this.#equipment
    return (this.#progress ??= createRunProgress({ writer, logger }, this.#run.task))
  }

  get effect(): HandlerContext['effect'] {
    if (this.#effect !== undefined) return this.#effect
    const { taskId, run, attempt } = this.#run.task
    const effects = createRunEffects(this.#equipment, { taskId, run, attempt, signal: this.signal })
    this.#effect = (name, options, work) => effects.perform(name, options, work)
    return this.#effect
  }
}
