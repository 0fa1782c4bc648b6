import type { Run, TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'

/**
 * What tasks have done elsewhere: one row an effect, by task and name. The fence is the run: no clock decides whose an
 * effect is.
 *
 * ```
 *   (none) ── claim ──▶ started ── complete ──▶ completed, for ever
 *                        │   ▲
 *                        └───┘ claim, by the same run or a higher one
 * ```
 */
export interface IdempotencyLedger {
  /**
   * Claims an effect for a run, durable before the verdict. One that another run began and did not complete is taken over
   * by a higher run. Claiming again what one holds is claiming.
   *
   * Throws StoreUnavailableError: the claim may have been stored all the same, and asking again is safe.
   */
  claim(claim: EffectClaim): Promise<ClaimVerdict>

  /**
   * Records the result of an effect that this run holds, once and for ever. `fenced`: a higher run has taken it over, or it
   * was never claimed. Asking again is safe. Throws StoreUnavailableError.
   */
  complete(completion: EffectCompletion): Promise<'completed' | 'fenced'>

  /** The effects of a task in the order they were first begun, at most 1000. Throws StoreUnavailableError. */
  list(taskId: TaskId): Promise<readonly Effect[]>
}

export interface EffectClaim {
  readonly taskId: TaskId
  readonly name: string
  readonly mode: EffectMode
  readonly run: Run
  readonly attempt: number
  /** What the effect depends on, as text that is the same for equal values; undefined when the handler named nothing. */
  readonly input: JsonText | undefined
}

/** `idempotent`: once, if the receiver honours the key; until it is completed every attempt repeats it. */
export type EffectMode = 'idempotent'

export type ClaimVerdict =
  /**
   * The effect is this run's to have. `key` is the same for every attempt of the task, also after a person's retry or a
   * restored backup; nobody can guess it from the names.
   */
  | { readonly kind: 'claimed'; readonly key: string }
  /** It was completed before, with this result. */
  | { readonly kind: 'completed'; readonly result: JsonText }
  /** It was begun before with another input. */
  | { readonly kind: 'changed' }
  /** The run is not the one in force. */
  | { readonly kind: 'fenced' }

export interface EffectCompletion {
  readonly taskId: TaskId
  readonly name: string
  readonly run: Run
  readonly result: JsonText
}

export interface Effect {
  readonly name: string
  readonly mode: EffectMode
  readonly state: 'started' | 'completed'
  /** The attempt that claimed it last. */
  readonly attempt: number
  /** Undefined until it is completed. */
  readonly result: JsonText | undefined
  /** When it was first claimed. */
  readonly startedAt: Instant
  readonly completedAt: Instant | undefined
}

/** How many effects of one task are listed. */
export const effectsListedMax = 1_000
