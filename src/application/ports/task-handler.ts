import type { TaskId } from '#domain/identifiers.ts'
import type { RetryPolicy } from '#domain/retry-policy.ts'
import type { PerformEffect } from './ledger/handler-effects.ts'
import type { Logger } from './surroundings/logger.ts'

/** The code that a worker runs for one task type. */
export interface TaskHandler {
  readonly type: string
  /** For the members that a submission of this type leaves out. */
  readonly defaults: HandlerDefaults

  /** Validates the parsed payload and runs. Throws what the handler throws, and PayloadInvalidError. */
  run(payload: unknown, context: HandlerContext): Promise<unknown>
}

export interface HandlerDefaults {
  readonly maxAttempts?: number
  readonly timeoutMs?: number
  readonly retry?: RetryPolicy
}

/** The second argument of a handler, beside its input. */
export interface HandlerContext {
  readonly taskId: TaskId
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Aborts when the run should end; its `reason` is an AbortReason. The attempt is recorded by how the handler then ends. */
  readonly signal: AbortSignal
  /** Lines carry the task's id and attempt. */
  readonly log: Logger

  /**
   * Says how far the run has come: any JSON of at most 4,096 bytes. The last word is shown with the task within a second;
   * it is no event and may be lost. Never throws.
   */
  readonly progress: (value: unknown) => void

  /** Does something elsewhere, and remembers that it was done. */
  readonly effect: PerformEffect
}

/** Why a handler's signal aborted: `fenced` means that this worker lost its lease and nothing it does is recorded. */
export type AbortCause = 'cancelled' | 'timeout' | 'shutdown' | 'fenced'

/** The `reason` of a handler's aborted signal. */
export class AbortReason extends Error {
  override readonly name = 'AbortReason'
  override readonly cause: AbortCause
  constructor(cause: AbortCause) {
    super(`the run was aborted: ${cause}`)
    this.cause = cause
  }
}

/** Thrown by a handler: no further attempt can help. The task ends FAILED `permanent-error`. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError'
}

/** Thrown by a handler: try again, but not before `retryAfterMs` (whole, 0 to ten years). */
export class RetryAfterError extends Error {
  override readonly name = 'RetryAfterError'
  readonly retryAfterMs: number
  constructor(retryAfterMs: number, message?: string, options?: ErrorOptions) {
    super(message ?? `asked to be tried again after ${retryAfterMs} ms`, options)
    if (!Number.isSafeInteger(retryAfterMs) || retryAfterMs < 0 || retryAfterMs > retryAfterMsMax) {
      throw new RangeError(`retryAfterMs must be a whole number from 0 to ${retryAfterMsMax}, not ${retryAfterMs}`)
    }
    this.retryAfterMs = retryAfterMs
  }
}

/** The payload does not fit the handler's schema. The task ends FAILED `payload-invalid` at once. */
export class PayloadInvalidError extends Error {
  override readonly name = 'PayloadInvalidError'
}

/** Ten years. */
export const retryAfterMsMax = 315_576_000_000
