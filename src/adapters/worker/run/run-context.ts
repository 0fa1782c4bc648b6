import type { EffectInDoubtError } from '#application/ports/ledger/handler-effects.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { ProgressWriter } from '#application/runs/progress-writer.ts'
import { createRunEffects } from '#application/runs/run-effects.ts'
import type { RunObservation } from '#application/ports/surroundings/run-observer.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { createRunProgress } from '#application/runs/run-progress.ts'
import { findTraceId } from '#application/runs/task-trace.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RunningTask } from '#domain/task/state.ts'

/** What the contexts of all runs of a worker are made with. */
export interface RunTools {
  readonly runtime: Runtime
  readonly ledger: IdempotencyLedger
  readonly progress: ProgressWriter
}

/** The run whose handler is given the context. */
interface HandledRun {
  readonly task: RunningTask
  readonly observation: RunObservation
  readonly signal: AbortSignal
  onDoubt(error: EffectInDoubtError): void
}

/**
 * The context of a handler in this process. It behaves as a plain object with the members of HandlerContext: middleware may
 * spread it, derive from it, wrap it and set members of it. Most handlers read only the ids, so each other member is made
 * when it is first read.
 */
export const createRunContext = (run: HandledRun, tools: RunTools): HandlerContext =>
  new Proxy(new RunContext(run, tools), asPlainObject)

/**
 * Shows the getters of RunContext as own members, and reads them from it whatever object was asked: the getters of an
 * object derived from it would find no private members. One for all runs: own getters cost some 2 µs each time, and making
 * all members at once costs a signal and a logger that most handlers never use.
 */
const asPlainObject: ProxyHandler<RunContext> = {
  get: (context, key): unknown => Reflect.get(context, key),
  set: (_, key, value, receiver) =>
    Reflect.defineProperty(receiver, key, { value, writable: true, enumerable: true, configurable: true }),
  ownKeys: (context) => [...new Set<string | symbol>([...memberNames, ...Reflect.ownKeys(context)])],
  getOwnPropertyDescriptor: (context, key) =>
    Reflect.getOwnPropertyDescriptor(context, key) ??
    (memberNames.has(key)
      ? { value: Reflect.get(context, key), writable: true, enumerable: true, configurable: true }
      : undefined),
}

const memberNames: ReadonlySet<string | symbol> = new Set<keyof HandlerContext>([
  'taskId',
  'attempt',
  'signal',
  'log',
  'progress',
  'effect',
])

/**
 * A class, because an object literal with getters gets a hidden class of its own each time. V8 allocates hidden classes in
 * the old generation, so all that their getters see survives until the next full collection.
 */
class RunContext implements HandlerContext {
  readonly taskId: TaskId
  readonly attempt: number
  readonly #run: HandledRun
  readonly #tools: RunTools
  #log: Logger | undefined
  #progress: HandlerContext['progress'] | undefined
  #effect: HandlerContext['effect'] | undefined

  constructor(run: HandledRun, tools: RunTools) {
    this.taskId = run.task.taskId
    this.attempt = run.task.facts.attempt
    this.#run = run
    this.#tools = tools
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }

  get log(): Logger {
    const { taskId, attempt } = this
    const traceId = findTraceId(this.#run.observation.context)
    return (this.#log ??= this.#tools.runtime.logger.child({ taskId, attempt, traceId }))
  }

  get progress(): HandlerContext['progress'] {
    const { progress: writer, runtime } = this.#tools
    return (this.#progress ??= createRunProgress({ writer, logger: runtime.logger }, this.#run.task))
  }

  get effect(): HandlerContext['effect'] {
    if (this.#effect !== undefined) return this.#effect
    const { taskId, run, claim, facts } = this.#run.task
    const { ledger, runtime } = this.#tools
    const { timers, random } = runtime
    const effects = createRunEffects(
      { ledger, timers, random },
      { taskId, run, claim, attempt: facts.attempt, signal: this.signal, onDoubt: (error) => this.#run.onDoubt(error) },
    )
    return (this.#effect = effects.perform)
  }
}
