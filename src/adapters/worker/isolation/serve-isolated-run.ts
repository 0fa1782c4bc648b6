import { Worker } from 'node:worker_threads'
import type { EffectInDoubtError } from '#application/ports/ledger/handler-effects.ts'
import { createRunEffects } from '#application/runs/run-effects.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Random } from '#application/ports/surroundings/identities.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { AbortReason, type HandlerContext, type TaskHandler } from '#application/ports/task-handler.ts'
import { createRunProgress } from '#application/runs/run-progress.ts'
import { abortListenerThrew, abortWithin, type CodeOrigin, findCodeOrigin, withinOrigin } from '../run/code-origin.ts'
import { toErrorReport } from '../run/error-report.ts'
import { createRemoteLogger, type Tell } from './isolated-ports.ts'
import { createRemoteLedger, type RemoteLedger } from './remote-ledger.ts'
import { type ToIsolated, toEnvelope, trustWorkerMessage } from './isolation-messages.ts'
import { toInDoubt } from '../run/handler-ending.ts'
import { runHandler } from '../run/run-handler.ts'

interface Deps {
  readonly timers: Timers
  readonly random: Random
  /** Loads the handlers as the worker has, by its settings. */
  readonly openHandlers: (settings: unknown, logger: Logger) => Promise<OpenedHandlers>
}

export interface OpenedHandlers {
  readonly handlers: ReadonlyMap<string, TaskHandler>
  close(): Promise<void>
}

type Begin = ToIsolated & { readonly kind: 'begin' }

/** How often the worker is told that the event loop turns. */
const aliveEveryMs = 250

/**
 * The other end of isolated runs, in a process that was made for them: runs one attempt after another, and tells how each
 * ended. It loads the handlers once.
 *
 * Signals of a terminal or an init system are ignored: only its worker ends it, or the end of its worker. That closes the
 * channel; a thread notices it too, because a handler may hold the event loop.
 */
export const serveIsolatedRun = (deps: Deps): void => {
  let current: CurrentRun | undefined
  let opened: Promise<OpenedHandlers> | undefined
  endWhenAnErrorEscapes(() => current)
  process.on('disconnect', () => process.exit(0))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  watchParent(Number(process.argv[2]))
  setInterval(() => void current?.tell({ kind: 'alive' }), aliveEveryMs)
  process.on('message', (message) => {
    const { order, body } = trustWorkerMessage(message) ?? noMessage
    if (body?.kind === 'begin') {
      const run = createRun(order, body)
      current = run
      opened ??= deps.openHandlers(body.settings, createRemoteLogger(run.tell))
      void runAndTell(deps, body, opened, run).then(() => {
        if (current === run) current = undefined
      })
    }
    if (current === undefined || current.order !== order) return
    if (body?.kind === 'abort') abortWithin(current.origin, current.controller, new AbortReason(body.cause))
    if (body?.kind === 'transaction-open') current.ledger.onTransactionOpen(body.call, body.key)
    if (body?.kind === 'ledger-reply') current.ledger.onReply(body.call, body.reply)
  })
}

const noMessage = { order: 0, body: undefined } as const

/** The run that this process is at. */
interface CurrentRun {
  readonly order: number
  readonly origin: CodeOrigin
  readonly controller: AbortController
  readonly tell: Tell
  readonly ledger: RemoteLedger
}

const createRun = (order: number, begin: Begin): CurrentRun => {
  const tell: Tell = (message) =>
    new Promise((resolve) => {
      if (process.send === undefined || !process.connected) return resolve()
      process.send(toEnvelope(order, message), undefined, undefined, () => resolve())
    })
  return { order, origin: toOrigin(begin), controller: new AbortController(), tell, ledger: createRemoteLedger(tell) }
}

const toOrigin = ({ taskId, run, attempt, type }: Begin): CodeOrigin => ({
  taskId,
  run,
  attempt,
  taskType: type,
  abortListeners: 'not-called',
})

/**
 * As in the process of a worker, where the errors of abort listeners end nothing either. An error of a run that is over is
 * no crash of the one that is under way: that one could not be run here.
 */
const endWhenAnErrorEscapes = (findCurrent: () => CurrentRun | undefined): void => {
  process.on('uncaughtException', (thrown: unknown, kind: unknown) => {
    const current = findCurrent()
    const origin = findCodeOrigin()
    if (origin?.abortListeners === 'called' && kind === 'uncaughtException') {
      if (current !== undefined) createRemoteLogger(current.tell).warn({ err: thrown }, abortListenerThrew)
      return
    }
    if (current === undefined) return process.exit(1)
    const isOfEarlierRun =
      origin !== undefined && (origin.taskId !== current.origin.taskId || origin.run !== current.origin.run)
    const told = isOfEarlierRun
      ? current.tell({ kind: 'unable', message: `an error of task ${origin.taskId} escaped in the same process` })
      : current.tell({ kind: 'escaped', error: toErrorReport(thrown) })
    void told.then(() => process.exit(1))
  })
}

const runAndTell = async (
  deps: Deps,
  begin: Begin,
  opening: Promise<OpenedHandlers>,
  run: CurrentRun,
): Promise<void> => {
  const { tell } = run
  try {
    const { handlers } = await opening
    const handler = handlers.get(begin.type)
    if (handler === undefined) throw new Error(`there is no handler for ${begin.type}`)
    await tell({ kind: 'begun' })
    const doubts: EffectInDoubtError[] = []
    const context = toContext(deps, begin, run, (error) => void doubts.push(error))
    const ending = await withinOrigin(run.origin, runHandler, handler, begin.payload, context)
    const [doubt] = doubts
    await tell({ kind: 'ended', ending: doubt === undefined ? ending : toInDoubt(doubt) })
  } catch (error) {
    await tell({ kind: 'unable', message: `a handler could not be run apart: ${toErrorReport(error).message}` })
    process.exit(0)
  }
}

const toContext = (
  deps: Deps,
  begin: Begin,
  { tell, ledger, controller }: CurrentRun,
  onDoubt: (error: EffectInDoubtError) => void,
): HandlerContext => {
  const { taskId, run, claim, attempt } = begin
  const { signal } = controller
  const log = createRemoteLogger(tell)
  const effects = createRunEffects(
    { ledger, timers: deps.timers, random: deps.random },
    { taskId, run, claim, attempt, signal, onDoubt },
  )
  const writer = { report: ({ value }: { readonly value: string }) => void tell({ kind: 'progress', value }) }
  const progress = createRunProgress({ writer, logger: log }, { taskId, run })
  return {
    taskId,
    attempt,
    signal,
    log,
    progress,
    effect: effects.perform,
  }
}

const watchParent = (pid: number): void => {
  const thread = new Worker(new URL('parent-watch-thread.ts', import.meta.url), { argv: [String(pid)], execArgv: [] })
  thread.unref()
}
