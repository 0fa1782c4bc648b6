import { AsyncLocalStorage } from 'node:async_hooks'
import type { TaskId } from '#domain/identifiers.ts'
import type { RunningTask } from '#domain/task/state.ts'

/**
 * The run whose handler caused some code to run, however many promises, timers and sockets lie between. It outlives the run,
 * as long as anything that the handler began, so it holds neither the payload nor the run itself.
 */
export interface CodeOrigin {
  readonly taskId: TaskId
  readonly run: number
  readonly attempt: number
  readonly taskType: string
  /** `called`: the code is a listener of the run's signal, which this process calls itself. */
  readonly abortListeners: 'called' | 'not-called'
}

const origins = new AsyncLocalStorage<CodeOrigin>()

/** The origin of the code that runs now; also in a listener of `uncaughtException`, where it is that of the error. */
export const findCodeOrigin = (): CodeOrigin | undefined => origins.getStore()

export const toCodeOrigin = ({ taskId, run, facts }: RunningTask): CodeOrigin => ({
  taskId,
  run,
  attempt: facts.attempt,
  taskType: facts.submission.type,
  abortListeners: 'not-called',
})

/** Calls `work` with `args`; all that it begins has the origin. */
export const withinOrigin = <Args extends readonly unknown[], Result>(
  origin: CodeOrigin,
  work: (...args: Args) => Result,
  ...args: Args
): Result => origins.run(origin, work, ...args)

/**
 * Aborts a signal. Node throws the errors of its listeners once more where nobody can catch them, as the code of whoever
 * aborted: so they have the origin of the run, and `abortListeners` tells them from errors of the handler until this turn
 * of the event loop is over.
 */
export const abortWithin = (origin: CodeOrigin, controller: AbortController, reason: Error): void => {
  const aborting: { abortListeners: CodeOrigin['abortListeners'] } & CodeOrigin = {
    ...origin,
    abortListeners: 'called',
  }
  origins.run(aborting, () => controller.abort(reason))
  setImmediate(() => {
    aborting.abortListeners = 'not-called'
  })
}

/** What is logged of such an error. */
export const abortListenerThrew = "a listener of a handler's signal threw"
