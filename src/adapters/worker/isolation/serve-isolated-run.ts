import { Worker } from 'node:worker_threads'
import { createRunEffects } from '#application/runs/run-effects.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Random } from '#application/ports/surroundings/identities.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { AbortReason, type HandlerContext, type TaskHandler } from '#application/ports/task-handler.ts'
import { createRunProgress } from '#application/runs/run-progress.ts'
import { abortListenerThrew, abortWithin, type CodeOrigin, findCodeOrigin } from '../run/code-origin.ts'
import { toErrorReport } from '../run/error-report.ts'
import { createRemoteLedger, createRemoteLogger, type RemoteLedger, type Tell } from './isolated-ports.ts'
import { type ToIsolated, toEnvelope, trustWorkerMessage } from './isolation-messages.ts'
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
 * The other end of an isolated run, in a process that was made for one attempt: runs it, tells how it ended, and exits.
 *
 * Signals of a terminal or an init system are ignored: only its worker ends it, or the end of its worker. That closes the
 * channel; a thread notices it too, because a handler may hold the event loop.
 */
export const serveIsolatedRun = (deps: Deps): void => {
  const tell: Tell = (message) =>
    new Promise((resolve) => {
      if (process.send === undefined || !process.connected) return resolve()
      process.send(toEnvelope(message), undefined, undefined, () => resolve())
    })
  const controller = new AbortController()
  const ledger = createRemoteLedger(tell)
  let origin: CodeOrigin | undefined
  endWhenAnErrorEscapes(tell)
  process.on('disconnect', () => process.exit(0))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  watchParent(Number(process.argv[2]))
  setInterval(() => void tell({ kind: 'alive' }), aliveEveryMs)
  process.on('message', (message) => {
    const body = trustWorkerMessage(message)
    if (body?.kind === 'begin') {
      origin = toOrigin(body)
      void runAndEnd(deps, body, { tell, ledger, signal: controller.signal })
    }
    if (body?.kind === 'abort' && origin !== undefined) abortWithin(origin, controller, new AbortReason(body.cause))
    if (body?.kind === 'ledger-reply') ledger.onReply(body.call, body.reply)
  })
}

const toOrigin = ({ taskId, run, attempt, type }: Begin): CodeOrigin => ({
  taskId,
  run,
  attempt,
  taskType: type,
  abortListeners: 'not-called',
})

/** As in the process of a worker, where the errors of abort listeners end nothing either. */
const endWhenAnErrorEscapes = (tell: Tell): void => {
  process.on('uncaughtException', (thrown: unknown, kind: unknown) => {
    if (findCodeOrigin()?.abortListeners === 'called' && kind === 'uncaughtException') {
      createRemoteLogger(tell).warn({ err: thrown }, abortListenerThrew)
      return
    }
    void tell({ kind: 'escaped', error: toErrorReport(thrown) }).then(() => process.exit(1))
  })
}

interface Ends {
  readonly tell: Tell
  readonly ledger: RemoteLedger
  readonly signal: AbortSignal
}

const runAndEnd = async (deps: Deps, begin: Begin, ends: Ends): Promise<void> => {
  const { tell } = ends
  const logger = createRemoteLogger(tell)
  try {
    const opened = await deps.openHandlers(begin.settings, logger)
    const handler = opened.handlers.get(begin.type)
    if (handler === undefined) throw new Error(`there is no handler for ${begin.type}`)
    await tell({ kind: 'begun' })
    const context = toContext(deps, begin, ends, logger)
    await tell({ kind: 'ended', ending: await runHandler(handler, begin.payload, context) })
    await opened.close()
  } catch (error) {
    await tell({ kind: 'unable', message: `a handler could not be run apart: ${toErrorReport(error).message}` })
  }
  process.exit(0)
}

const toContext = (deps: Deps, begin: Begin, { tell, ledger, signal }: Ends, log: Logger): HandlerContext => {
  const { taskId, run, claim, attempt } = begin
  const effects = createRunEffects(
    { ledger, timers: deps.timers, random: deps.random },
    { taskId, run, claim, attempt, signal },
  )
  const writer = { report: ({ value }: { readonly value: string }) => void tell({ kind: 'progress', value }) }
  const progress = createRunProgress({ writer, logger: log }, { taskId, run })
  return {
    taskId,
    attempt,
    signal,
    log,
    progress,
    effect: (name, options, work) => effects.perform(name, options, work),
  }
}

const watchParent = (pid: number): void => {
  const thread = new Worker(new URL('parent-watch-thread.ts', import.meta.url), { argv: [String(pid)], execArgv: [] })
  thread.unref()
}
