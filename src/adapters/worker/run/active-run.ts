import { type AbortCause, AbortReason, type HandlerContext } from '#application/ports/task-handler.ts'
import type { EffectInDoubtError } from '#application/ports/ledger/handler-effects.ts'
import type { RunObservation } from '#application/ports/surroundings/run-observer.ts'
import type { RunningTask } from '#domain/task/state.ts'
import type { Deadlined } from './deadlines.ts'
import { toErrorReport } from './error-report.ts'
import type { HandlerEnding } from './handler-ending.ts'
import { createRunContext, type RunTools } from './run-context.ts'
import { toCutOffCommand, toFinishCommand } from './run-outcome.ts'
import type { FinishCommand } from '#application/runs/finish-run.ts'
import type { ErrorReport } from '#domain/task/events.ts'
import { abortWithin, type CodeOrigin, toCodeOrigin } from './code-origin.ts'
import type { WorkerLease } from '../lease/worker-lease.ts'

/** The one object that all runs of a worker share: an open run stays in memory, so it holds as little as possible itself. */
export interface RunSurroundings {
  readonly tools: RunTools
  /** Called when `deadlineAtMs` has changed. */
  readonly onDeadline: (run: ActiveRun) => void
  /** Called once when the handler is given up on, with the command that records its outcome. */
  readonly onCutOff: (run: ActiveRun, command: FinishCommand) => void
}

/** How long a handler may go on after its signal aborted, before it is given up on. */
export const abortGraceMs = 10_000

interface Facts {
  readonly task: RunningTask
  readonly lease: WorkerLease
  readonly observation: RunObservation
  /** How long the handler's process may take to start before the time limit counts. */
  readonly preparationMs: number
}

/**
 * One run whose handler is at work here.
 *
 * ```
 *   running ── abort(cancelled | timeout | shutdown) ──▶ aborting ── still at work after its grace ──▶ given-up
 *      └──────── abandon (its lease is over), endWithProcess ────────┴──────────────────────────────▶ given-up
 * ```
 */
export class ActiveRun implements Deadlined {
  readonly task: RunningTask
  readonly lease: WorkerLease
  readonly observation: RunObservation
  /** Of all that its handler begins. */
  readonly origin: CodeOrigin
  /** Where it stands in the runner's table. */
  place = -1
  readonly context: HandlerContext
  readonly #surroundings: RunSurroundings
  /** In [0, 1), for the back-off. */
  readonly #random: number
  #controller: AbortController | undefined
  #abortCause: Exclude<AbortCause, 'fenced'> | undefined
  #doubt: ErrorReport | undefined
  #state: 'at-work' | 'given-up' = 'at-work'
  #deadlineAtMs: number

  constructor(surroundings: RunSurroundings, { task, lease, observation, preparationMs }: Facts) {
    this.#surroundings = surroundings
    this.#random = surroundings.tools.runtime.random()
    this.task = task
    this.lease = lease
    this.observation = observation
    this.origin = toCodeOrigin(task)
    this.#deadlineAtMs = surroundings.tools.runtime.clock.monotonicMs() + preparationMs + task.timeLimitMs
    this.context = createRunContext(this, surroundings.tools)
  }

  /** Aborts when the handler is to stop. */
  get signal(): AbortSignal {
    return this.#signaller.signal
  }

  get deadlineAtMs(): number {
    return this.#deadlineAtMs
  }

  /** Whether the run is over for this worker although its handler is still at work. */
  get isGivenUp(): boolean {
    return this.#state === 'given-up'
  }

  /** The handler begins only now, so its time limit counts from here. */
  begin(): void {
    if (this.isGivenUp || this.#abortCause !== undefined) return
    this.#deadlineAtMs = this.#surroundings.tools.runtime.clock.monotonicMs() + this.task.timeLimitMs
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
    this.#deadlineAtMs = this.#surroundings.tools.runtime.clock.monotonicMs() + abortGraceMs
    this.#surroundings.onDeadline(this)
    abortWithin(this.origin, this.#signaller, new AbortReason(cause))
  }

  /** An effect of this run is in doubt: its handler may go on, but how it ends does not count any more. The first one stays. */
  onDoubt(error: EffectInDoubtError): void {
    this.#doubt ??= toErrorReport(error)
  }

  /** The lease is over: no outcome of this run may be recorded any more. */
  abandon(): void {
    if (this.isGivenUp) return
    this.#state = 'given-up'
    abortWithin(this.origin, this.#signaller, new AbortReason('fenced'))
  }

  /** The command that records the run now, because its process ends: `escaped` is the error that its handler let escape. */
  endWithProcess(escaped: ErrorReport | undefined): FinishCommand {
    this.#abortCause ??= 'shutdown'
    this.#state = 'given-up'
    abortWithin(this.origin, this.#signaller, new AbortReason('shutdown'))
    if (escaped === undefined) return toCutOffCommand(this.#ended())
    return this.toCommand({ kind: 'crashed', error: escaped })
  }

  /** The command that records how the handler ended. */
  toCommand(ending: HandlerEnding): FinishCommand {
    return toFinishCommand(this.#ended(), ending)
  }

  /** Made when it is first read: most handlers neither read their signal nor are aborted. */
  get #signaller(): AbortController {
    return (this.#controller ??= new AbortController())
  }

  #ended() {
    const { run, timeLimitMs } = this.task
    return { run, timeLimitMs, abortCause: this.#abortCause, doubt: this.#doubt, random: this.#random }
  }
}
