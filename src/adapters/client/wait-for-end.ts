import { pause } from './deadline.ts'
import { TaskfoldError } from './errors.ts'
import type { CallOptions } from './exchange.ts'
import { type EndedTask, isEndedTask, type Task } from './task.ts'

export interface WaitOptions {
  /** How long to wait for the end. Default: one minute. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const timeoutMsDefault = 60_000
/** Shorter than what proxies take for an idle connection. */
const waitSecondsMax = 20

/** How much longer than the wait it was asked for an answer may take before another connection is tried. */
const answerMsMax = 10_000
/** How long to wait before a server that did not answer is asked again. */
const pauseMs = 1_000

/**
 * Asks for a task until it has ended. Each time the server may hold the answer for up to twenty seconds. Lost connections
 * and a server that is away do not end the wait.
 *
 * Throws TaskfoldError `deadline-exceeded` when the time is over, and what the server refuses with.
 */
export const waitForEnd = async <Payload, Result>(
  find: (waitSeconds: number, call: CallOptions) => Promise<Task<Payload, Result>>,
  taskId: string,
  { timeoutMs = timeoutMsDefault, signal }: WaitOptions,
): Promise<EndedTask<Payload, Result>> => {
  const endsAtMs = performance.now() + timeoutMs
  let cause: unknown
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = endsAtMs - performance.now()) {
    const waitSeconds = Math.max(1, Math.min(waitSecondsMax, Math.ceil(leftMs / 1_000)))
    try {
      const task = await find(waitSeconds, { deadlineMs: Math.min(leftMs, waitSeconds * 1_000 + answerMsMax), signal })
      if (isEndedTask(task)) return task
    } catch (error) {
      if (!(error instanceof TaskfoldError) || !isPassing(error)) throw error
      cause = error
      await pause(Math.max(0, Math.min(pauseMs, endsAtMs - performance.now())), signal)
    }
  }
  throw new TaskfoldError('deadline-exceeded', 'the task did not end in time', { taskId, cause })
}

/** Whether the error may be gone when the server is asked again. */
const isPassing = ({ code, status }: TaskfoldError): boolean =>
  code === 'connection-failed' || code === 'deadline-exceeded' || status === 503 || status === 429
