import type { TaskId } from '#domain/identifiers.ts'
import type { RetryPolicy } from '#domain/retry-policy.ts'
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

  /**
   * Does something elsewhere, and remembers that it was done: a later attempt gets the result of `work` instead of calling
   * it, also when a person has opened the task again. The result is any JSON of at most 65,536 bytes, given back as it is
   * read from JSON the first time as well. `name`: `[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`, one a task and effect; at most
   * 1,000 of them.
   *
   * Throws what `work` throws: then nothing is remembered. Throws EffectChangedError when `options.input` is another than
   * before, EffectInUseError, the signal's reason when it has aborted, a PermanentError for a result that cannot be
   * kept, and a TypeError for other misuse.
   */
  readonly effect: <Result>(name: string, options: EffectOptions, work: EffectWork<Result>) => Promise<Result>
}

export interface EffectOptions {
  /**
   * `idempotent`: the effect happens once if its receiver honours the key. Until its result is recorded every attempt
   * repeats it, with the same key.
   */
  readonly mode: 'idempotent'
  /**
   * What the effect depends on, compared by value: JSON, and also undefined members, bigints, dates, Maps, Sets, bytes and
   * instances of classes by their enumerable members. A function, a symbol or a Promise in it is a TypeError.
   */
  readonly input?: unknown
}

export type EffectWork<Result> = (effect: EffectContext) => Result | Promise<Result>

export interface EffectContext {
  /** For the receiver: the same for every attempt of this task and effect, another for all others. 43 letters, digits, - or _. */
  readonly key: string
  /** The run's. */
  readonly signal: AbortSignal
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

/** An effect was begun before with another input. Uncaught, the task ends FAILED `effect-changed` at once. */
export class EffectChangedError extends Error {
  override readonly name = 'EffectChangedError'
}

/**
 * Nobody knows whether an effect has happened. The task ends FAILED `effect-in-doubt` at once, whatever the handler makes of
 * this error; a person settles the effect and retries the task.
 */
export class EffectInDoubtError extends Error {
  override readonly name = 'EffectInDoubtError'
}

/** The run performs an effect of this name at this moment: each must be awaited before it is asked for again. */
export class EffectInUseError extends Error {
  override readonly name = 'EffectInUseError'
}

/** The payload does not fit the handler's schema. The task ends FAILED `payload-invalid` at once. */
export class PayloadInvalidError extends Error {
  override readonly name = 'PayloadInvalidError'
}

/** Ten years. */
export const retryAfterMsMax = 315_576_000_000
