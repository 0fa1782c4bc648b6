import { TaskfoldError } from './errors.ts'

/** The time that one call may take, joined with the signal of its caller. Its timer runs until `stop`. */
export interface Deadline {
  /** Aborts when the time is over, or as the caller's signal does. */
  readonly signal: AbortSignal
  remainingMs(): number
  /** Throws the reason of the caller's signal, if that was aborted. */
  throwIfAborted(): void
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  wait(ms: number): Promise<void>
  stop(): void
}

/** A timer takes 31 bits of milliseconds. */
const timerMsMax = 2_147_483_647

/** Throws TaskfoldError `invalid-request` unless `ms` is a number above zero, and the reason of `signal` when that is aborted already. */
export const startDeadline = (ms: number, signal?: AbortSignal): Deadline => {
  if (!(ms > 0)) {
    throw new TaskfoldError('invalid-request', `a deadline must be a number of milliseconds above 0, not ${ms}`)
  }
  signal?.throwIfAborted()
  const endsAtMs = performance.now() + ms
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), Math.min(ms, timerMsMax))
  const either = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
  return {
    signal: either,
    remainingMs: () => Math.max(0, endsAtMs - performance.now()),
    throwIfAborted: () => signal?.throwIfAborted(),
    wait: (waitMs) => waitUnlessAborted(waitMs, either),
    stop: () => clearTimeout(timer),
  }
}

/** Resolves after so many milliseconds; throws the reason of `signal` when that aborts. */
export const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  signal?.throwIfAborted()
  await waitUnlessAborted(ms, signal)
  signal?.throwIfAborted()
}

const waitUnlessAborted = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
    if (signal?.aborted === true) end()
  })
