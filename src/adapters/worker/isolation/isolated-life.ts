import type { ChildProcess } from 'node:child_process'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { AbortReason } from '#application/ports/task-handler.ts'
import type { ErrorReport } from '#domain/task/events.ts'
import { abortGraceMs } from '../run/active-run.ts'
import { type HandlerEnding, toThrown } from '../run/handler-ending.ts'
import { createIsolatedLedger, type IsolatedLedger } from './isolated-ledger.ts'
import { type IsolatedRequest, preparationMsMax } from './isolation.ts'
import { findBody, type FromIsolated, type ToIsolated, toEnvelope } from './isolation-messages.ts'
import { parseIsolatedMessage } from './parse-isolated-message.ts'

interface Deps {
  /** Tells the process which handlers to load. */
  readonly settings: unknown
  readonly timers: Timers
  readonly logger: Logger
  readonly leaseMs: number
}

/** How long a process may take to end by itself once it is to leave. */
export const leaveMsMax = 5_000
/** Longer than the grace: the run has been given up on by then, so that the death is not recorded as its outcome. */
const killAfterAbortMs = abortGraceMs + 1_000
/**
 * A death counts as the task's doing only when this process lives on for so long: a kill of a whole group of processes, as
 * in a hard deploy, ends this one as well. Meanwhile the last messages of the dead process arrive.
 */
const deathSettleMs = 250
const checksPerLease = 5

/** One attempt in a process. */
interface PlacedRun {
  readonly request: IsolatedRequest
  readonly child: ChildProcess
  readonly order: number
}

/** `stays`: the process can run another attempt. `leaves`: it ends, or is ended. */
type AfterRun = 'stays' | 'leaves'

/**
 * ```
 *   starting ── begun ──▶ running ── ended ──▶ over: the process stays for the next attempt
 *      └── unable, exit ──▶ (threw)  └── exit, silence ──▶ (crashed): the process leaves
 * ```
 */
export class IsolatedLife {
  readonly #deps: Deps
  readonly #request: IsolatedRequest
  readonly #child: ChildProcess
  readonly #order: number
  readonly #onEnding: (ending: HandlerEnding, next: AfterRun) => void
  readonly #ledger: IsolatedLedger
  readonly #cancels: (() => void)[] = []
  #state: 'starting' | 'running' | 'leaving' | 'over' = 'starting'
  /** Checks since its last message. */
  #silentChecks = 0
  #malformed: 'none' | 'some' = 'none'
  #cause: string | undefined
  #escaped: ErrorReport | undefined

  constructor(
    deps: Deps,
    { request, child, order }: PlacedRun,
    onEnding: (ending: HandlerEnding, next: AfterRun) => void,
  ) {
    this.#deps = deps
    this.#request = request
    this.#child = child
    this.#order = order
    this.#onEnding = onEnding
    this.#ledger = createIsolatedLedger(request, (told) => this.#tell(told))
    this.#cancels.push(() => this.#ledger.close())
    const { taskId, run, claim, facts } = request.task
    const { type, payload } = facts.submission
    this.#tell({ kind: 'begin', settings: deps.settings, type, payload, taskId, run, claim, attempt: facts.attempt })
    this.#forwardAbort()
    this.#killAfter(preparationMsMax, 'starting', 'did not begin its handler in time')
    this.#watchForSilence()
  }

  onMessage(envelope: unknown): void {
    const body = findBody(envelope, this.#order)
    if (body === undefined) return
    const message = parseIsolatedMessage(body)
    if (message === undefined) this.#leaveOut()
    else this.#take(message)
  }

  #take(message: FromIsolated): void {
    this.#silentChecks = 0
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
        this.#endAndStay(message.ending)
        break
      case 'escaped':
        this.#escaped ??= message.error
        break
      case 'log':
        this.#request.context.log[message.level](message.fields, message.message)
        break
      case 'progress':
        this.#request.context.progress(JSON.parse(message.value))
        break
      case 'ledger-request':
        this.#ledger.take(message.call, message.request)
        break
    }
  }

  /** The process cannot run the handler. */
  fail(error: Error): void {
    this.#end(toThrown(error))
  }

  async onExit(how: string): Promise<void> {
    await this.#deps.timers.sleep(deathSettleMs)
    this.#end(this.#toEnding(`the process of the handler ${this.#cause ?? how}`))
    for (const cancel of this.#cancels) cancel()
  }

  #toEnding(message: string): HandlerEnding {
    // Its handler had not begun, so the death says nothing about the task.
    if (this.#state === 'starting') return toThrown(new Error(message))
    const { taskId, run, facts } = this.#request.task
    if (this.#state === 'running') {
      this.#deps.logger.warn({ taskId, run, taskType: facts.submission.type }, message)
    }
    return { kind: 'crashed', error: this.#escaped ?? { name: 'Crash', message } }
  }

  #end(ending: HandlerEnding): void {
    if (this.#state === 'leaving' || this.#state === 'over') return
    this.#state = 'leaving'
    this.#onEnding(ending, 'leaves')
    this.#killAfter(leaveMsMax, 'leaving', 'did not leave')
  }

  #endAndStay(ending: HandlerEnding): void {
    if (this.#state === 'leaving' || this.#state === 'over') return
    this.#state = 'over'
    for (const cancel of this.#cancels) cancel()
    this.#onEnding(ending, 'stays')
  }

  #tell(message: ToIsolated): void {
    // When the process is gone the message is lost, and the exit event ends the run.
    if (this.#child.connected) this.#child.send(toEnvelope(this.#order, message), () => {})
  }

  #forwardAbort(): void {
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

  /** Counts checks, not time: a pause of this process is one check, and the child is not blamed for it. */
  #watchForSilence(): void {
    const { timers, leaseMs } = this.#deps
    const stop = new AbortController()
    this.#cancels.push(() => stop.abort())
    const watch = async (): Promise<void> => {
      while (this.#silentChecks < checksPerLease) {
        await timers.sleep(leaseMs / checksPerLease, stop.signal)
        if (stop.signal.aborted) return
        this.#silentChecks += 1
      }
      this.#cause ??= `stood still for ${leaseMs} ms and was killed`
      this.#child.kill('SIGKILL')
    }
    void watch()
  }

  logLine(output: 'stdout' | 'stderr', line: string): void {
    const { taskId, facts } = this.#request.task
    this.#deps.logger.info({ taskId, attempt: facts.attempt, output, line }, 'an isolated handler wrote a line')
  }

  /** Logged once: a handler may send any number of them. */
  #leaveOut(): void {
    if (this.#malformed === 'some') return
    this.#malformed = 'some'
    const { taskId, run, facts } = this.#request.task
    this.#deps.logger.warn(
      { taskId, run, taskType: facts.submission.type },
      'malformed messages of a handler were left out',
    )
  }
}
