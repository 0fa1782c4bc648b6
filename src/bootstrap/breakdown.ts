import type { EventEmitter } from 'node:events'
import { abortListenerThrew, findCodeOrigin } from '#adapters/worker/run/code-origin.ts'
import type { EscapedError } from '#adapters/worker/run/runner.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'

interface Deps {
  /** Node's process, which emits the errors that nobody caught. */
  readonly source: EventEmitter
  readonly timers: Timers
  readonly logger: Logger
  /** Records what this process leaves behind. Undefined: the error is nobody's. */
  readonly breakDown: (escaped: EscapedError | undefined) => Promise<void>
  /** Ends the process. */
  readonly endNow: () => void
}

/** How long `breakDown` may take: a supervisor sees the process end within a second. */
const breakdownMsMax = 900

/**
 * Ends the process when an error was caught by nobody, because it may have left anything half done. The error of a handler
 * that let it escape is logged with its task.
 *
 * The error of a listener of a run's signal is only logged: this process called the listener, and nothing else of the run
 * was interrupted.
 */
export const watchForBreakdown = ({ source, timers, logger, breakDown, endNow }: Deps): void => {
  let state: 'sound' | 'broken' = 'sound'

  source.on('uncaughtException', (thrown: unknown, kind: unknown) => {
    const origin = findCodeOrigin()
    const { taskId, run, attempt, taskType, abortListeners } = origin ?? {}
    const fields = { err: thrown, taskId, run, attempt, taskType }
    if (abortListeners === 'called' && kind === 'uncaughtException') {
      logger.warn(fields, abortListenerThrew)
      return
    }
    logger.error(fields, origin === undefined ? 'broke down' : 'an error escaped from a handler and ends the process')
    if (state === 'broken') return
    state = 'broken'
    timers.after(breakdownMsMax, endNow)
    void breakDown(origin && { thrown, origin }).then(endNow, endNow)
  })
}
