import { type ChildProcess, fork } from 'node:child_process'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { AbortReason } from '#application/ports/task-handler.ts'
import { abortGraceMs } from '../run/abort-grace.ts'
import { type HandlerEnding, toThrown } from '../run/handler-ending.ts'
import { type IsolatedRequest, preparationMsMax } from './isolation.ts'
import {
  type Answer,
  type FromIsolated,
  isFromIsolated,
  type Question,
  type ToIsolated,
  toEnvelope,
} from './isolation-messages.ts'
import { passLines } from './pass-lines.ts'

/** One child process that runs one attempt. */
export interface IsolatedProcess {
  readonly ending: Promise<HandlerEnding>
  /** Resolves when nothing of the process is left. */
  readonly gone: Promise<void>
  kill(): void
}

interface Deps {
  readonly entry: URL
  readonly settings: unknown
  readonly timers: Timers
  readonly logger: Logger
  readonly leaseMs: number
  readonly execArgv?: readonly string[]
}

/** Beyond the grace, so that the run was given up on by then and what the kill looks like is recorded nowhere. */
const killAfterAbortMs = abortGraceMs + 1_000
/** What a process may still take to end by itself once its handler has. */
const leaveMsMax = 5_000
/**
 * A death is taken for the task's doing only when this process lives on for a moment: whoever kills a whole group of
 * processes, as a hard deploy does, kills this one as well. Meanwhile the last words of the dead arrive.
 */
const deathSettleMs = 250
const looksPerLease = 5

export const startIsolatedProcess = (deps: Deps, request: IsolatedRequest): IsolatedProcess => {
  const ending = Promise.withResolvers<HandlerEnding>()
  const gone = Promise.withResolvers<void>()
  const child = forkEntry(deps)
  if (child instanceof Error) {
    gone.resolve()
    return { ending: Promise.resolve(toThrown(child)), gone: gone.promise, kill: () => {} }
  }
  const life = new IsolatedLife(deps, request, child, (ended) => ending.resolve(ended))
  child.on('message', (message) => {
    if (isFromIsolated(message)) life.hear(message.body)
  })
  child.on('error', (error) => life.fail(error))
  child.on('exit', (code, signal) => {
    void life.bury(describeDeath(code, signal)).then(() => gone.resolve())
  })
  // It never began to exist: no exit follows.
  if (child.pid === undefined) child.once('error', () => gone.resolve())
  return { ending: ending.promise, gone: gone.promise, kill: () => void child.kill('SIGKILL') }
}

const forkEntry = ({ entry, execArgv }: Deps): ChildProcess | Error => {
  try {
    return fork(entry, [], {
      serialization: 'advanced',
      // A terminal's Ctrl-C goes to a whole group, and here it is the parent that decides what becomes of the run.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [...(execArgv ?? process.execArgv.filter((argument) => !argument.startsWith('--inspect')))],
    })
  } catch (error) {
    return error instanceof Error ? error : new Error('a process could not be started', { cause: error })
  }
}

const describeDeath = (code: number | null, signal: NodeJS.Signals | null): string =>
  signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`

/**
 * ```
 *   starting ── begun ──▶ running ── ended ──▶ leaving ── exit ──▶ gone
 *      └── unable, exit ──▶ (threw)  └── exit, silence ──▶ (crashed)
 * ```
 */
class IsolatedLife {
  readonly #deps: Deps
  readonly #request: IsolatedRequest
  readonly #child: ChildProcess
  readonly #onEnding: (ending: HandlerEnding) => void
  readonly #cancels: (() => void)[] = []
  #state: 'starting' | 'running' | 'leaving' = 'starting'
  #silentLooks = 0
  #cause: string | undefined

  constructor(deps: Deps, request: IsolatedRequest, child: ChildProcess, onEnding: (ending: HandlerEnding) => void) {
    this.#deps = deps
    this.#request = request
    this.#child = child
    this.#onEnding = onEnding
    const { taskId, attempt, run, submission } = request.task
    const { type, payload } = submission
    this.#tell({ kind: 'begin', settings: deps.settings, type, payload, taskId, run, attempt })
    this.#passOutput()
    this.#heedSignal()
    this.#killAfter(preparationMsMax, 'starting', 'did not begin its handler in time')
    this.#watchForSilence()
  }

  hear(message: FromIsolated): void {
    this.#silentLooks = 0
    switch (message.kind) {
      case 'alive':
        break
      case 'begun':
        if (this.#state !== 'starting') break
        this.#state = 'running'
        this.#request.onBegun()
        break
      case 'unable':
        this.fail(new Error(message.message))
        break
      case 'ended':
        this.#end(message.ending)
        break
      case 'log':
        this.#request.context.log[message.level](message.fields, message.message)
        break
      case 'progress':
        this.#request.progress.report({
          taskId: this.#request.task.taskId,
          run: this.#request.task.run,
          value: message.value,
        })
        break
      case 'asked':
        void this.#answer(message.call, message.question)
        break
    }
  }

  /** It cannot run the handler. */
  fail(error: Error): void {
    this.#end(toThrown(error))
  }

  /** The process is dead. */
  async bury(how: string): Promise<void> {
    await this.#deps.timers.sleep(deathSettleMs)
    this.#end(this.#toEnding(`the process of the handler ${this.#cause ?? how}`))
    for (const cancel of this.#cancels) cancel()
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  #toEnding(message: string): HandlerEnding {
    // Nothing of the task had been looked at yet.
    if (this.#state === 'starting') return toThrown(new Error(message))
    const { taskId, run, submission } = this.#request.task
    if (this.#state === 'running') {
      this.#deps.logger.warn({ taskId, run, taskType: submission.type }, message)
    }
    return { kind: 'crashed', error: { name: 'Crash', message } }
  }

  #end(ending: HandlerEnding): void {
    if (this.#state === 'leaving') return
    this.#state = 'leaving'
    this.#onEnding(ending)
    this.#killAfter(leaveMsMax, 'leaving', 'did not leave')
  }

  #tell(message: ToIsolated): void {
    // A process that is gone hears nothing, and its exit tells.
    if (this.#child.connected) this.#child.send(toEnvelope(message), () => {})
  }

  #heedSignal(): void {
    const { signal } = this.#request.context
    const abort = (): void => {
      const { reason }: { readonly reason: unknown } = signal
      this.#tell({ kind: 'abort', cause: reason instanceof AbortReason ? reason.cause : 'shutdown' })
      this.#killAfter(killAfterAbortMs, 'running', 'ignored its signal')
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    this.#cancels.push(() => signal.removeEventListener('abort', abort))
  }

  #killAfter(delayMs: number, state: 'starting' | 'running' | 'leaving', cause: string): void {
    const kill = (): void => {
      if (this.#state !== state && !(state === 'running' && this.#state === 'starting')) return
      this.#cause ??= cause
      this.#child.kill('SIGKILL')
    }
    this.#cancels.push(this.#deps.timers.after(delayMs, kill))
  }

  /** Looks are counted, not time: a pause of this process is one look, and blames nobody. */
  #watchForSilence(): void {
    const { timers, leaseMs } = this.#deps
    const stop = new AbortController()
    this.#cancels.push(() => stop.abort())
    const watch = async (): Promise<void> => {
      while (this.#silentLooks < looksPerLease) {
        await timers.sleep(leaseMs / looksPerLease, stop.signal)
        if (stop.signal.aborted) return
        this.#silentLooks += 1
      }
      this.#cause ??= `stood still for ${leaseMs} ms and was killed`
      this.#child.kill('SIGKILL')
    }
    void watch()
  }

  #passOutput(): void {
    const { taskId, attempt } = this.#request.task
    for (const output of ['stdout', 'stderr'] as const) {
      passLines(this.#child[output], (line) => {
        this.#deps.logger.info({ taskId, attempt, output, line }, 'an isolated handler wrote a line')
      })
    }
  }

  async #answer(call: number, question: Question): Promise<void> {
    this.#tell({ kind: 'answered', call, answer: await ask(this.#request, question) })
  }
}

const ask = async ({ task, ledger }: IsolatedRequest, question: Question): Promise<Answer> => {
  const { taskId, run, attempt } = task
  const { name } = question
  try {
    if (question.kind === 'complete') {
      return { kind: 'complete', verdict: await ledger.complete({ taskId, name, run, result: question.result }) }
    }
    const { mode, input } = question
    return { kind: 'claim', verdict: await ledger.claim({ taskId, name, mode, run, attempt, input }) }
  } catch (error) {
    const code = error instanceof StoreUnavailableError ? 'store-unavailable' : 'other'
    return { kind: 'failed', code, message: error instanceof Error ? error.message : 'the ledger failed' }
  }
}
