import { type AbortCause, AbortReason, type HandlerContext } from '#application/ports/task-handler.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { RunObservation } from '#application/ports/surroundings/run-observer.ts'
import type { RunningTask } from '#domain/task/state.ts'
import type { Deadlined } from './deadlines.ts'
import { abortGraceMs } from './abort-grace.ts'
import type { HandlerEnding } from './handler-ending.ts'
import { RunContext, type RunEquipment } from './run-context.ts'
import { toCutOffCommand, toFinishCommand } from './run-outcome.ts'
import type { FinishCommand } from '#application/runs/finish-run.ts'
import type { WorkerLease } from '../lease/worker-lease.ts'

/** What all runs of a worker share: a run of its own has as little as can be, because everything waits in it. */
export interface RunSurroundings extends RunEquipment {
  readonly clock: Clock
  /** Called when `deadlineAtMs` has changed. */
  readonly onDeadline: (run: ActiveRun) => void
  /** Called once with what is to be recorded of a handler that was given up on. */
  readonly onCutOff: (run: ActiveRun, command: FinishCommand) => void
}

interface Facts {
  readonly task: RunningTask
  readonly lease: WorkerLease
  readonly observation: RunObservation
  /** What the handler's process may take to start, before its time counts. */
  readonly preparationMs: number
}

/**
 * One run whose handler is at work here.
 *
 * ```
 *   running ── abort(cancelled | timeout | shutdown) ──▶ aborting ── still at work after its grace ──▶ given-up
 *      └──────────────────────── abandon (its lease is over) ─────────┴──────────────────────────────▶ given-up
 * ```
 */
export class ActiveRun implements Deadlined {
  readonly task: RunningTask
  readonly lease: WorkerLease
  readonly observation: RunObservation
  readonly context: HandlerContext
  readonly #surroundings: RunSurroundings
  /** In [0, 1), for the back-off. */
  readonly #random: number
  #controller: AbortController | undefined
  #abortCause: Exclude<AbortCause, 'fenced'> | undefined
  #state: 'at-work' | 'given-up' = 'at-work'
  #deadlineAtMs: number

  constructor(surroundings: RunSurroundings, { task, lease, observation, preparationMs }: Facts) {
    this.#surroundings = surroundings
    this.#random = surroundings.random()
    this.task = task
    this.lease = lease
    this.observation = observation
    this.#deadlineAtMs = surroundings.clock.monotonicMs() + preparationMs + task.timeLimitMs
    this.context = new RunContext(this, surroundings)
  }

  /** Aborts when the handler is to stop. */
  get signal(): AbortSignal {
    return this.#signaller.signal
  }

  get deadlineAtMs(): number {
    return this.#deadlineAtMs
  }

  /** Whether the outcome of the run was settled while its handler is still at work. */
  get isGivenUp(): boolean {
    return this.#state === 'given-up'
  }

  /** The handler begins only now: its time counts from here. */
  begin(): void {
    if (this.isGivenUp || this.#abortCause !== undefined) return
    this.#deadlineAtMs = this.#surroundings.clock.monotonicMs() + this.task.timeLimitMs
    this.#surroundings.onDeadline(this)
  }

  /** The time limit is over, or the grace. */
  expire(): void {
    if (this.isGivenUp) return
    if (this.#abortCause === undefined) return this.abort('timeout')
    this.#state = 'given-up'
    this.#surroundings.onCutOff(this, toCutOffCommand(this.#ended()))
  }

  /** Asks the handler to stop; it then has its grace. The first cause stays. */
  abort(cause: Exclude<AbortCause, 'fenced'>): void {
    if (this.isGivenUp || this.#abortCause !== undefined) return
    this.#abortCause = cause
    this.#deadlineAtMs = this.#surroundings.clock.monotonicMs() + abortGraceMs
    this.#surroundings.onDeadline(this)
    this.#signaller.abort(new AbortReason(cause))
  }

  /** The lease is over: nothing of this run may be recorded any more. */
  abandon(): void {
    if (this.isGivenUp) return
    this.#state = 'given-up'
    this.#signaller.abort(new AbortReason('fenced'))
  }

  /** What is to be recorded now that the handler has ended. */
  toCommand(ending: HandlerEnding): FinishCommand {
    return toFinishCommand(this.#ended(), ending)
  }

  /** Made when first asked for: most handlers neither look at their signal nor are aborted. */
  get #signaller(): AbortController {
    return (this.#controller ??= new AbortController())
  }

  #ended() {
    const { run, timeLimitMs } = this.task
    return { run, timeLimitMs, abortCause: this.#abortCause, random: this.#random }
  }
}
