import type { AppendId, Run, TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'

/**
 * The effects of tasks on other systems: one row an effect, by task and name. The run is the fencing token: no clock decides
 * which run holds an effect.
 *
 * ```
 *   (none) ── claim ──▶ started ── complete ──▶ completed, for ever
 *                        │   ▲
 *                        └───┘ claim, by the same run or a higher one
 * ```
 */
export interface IdempotencyLedger {
  /**
   * Claims an effect for a run, durable before the verdict. A higher run takes over an effect that another run began and did
   * not complete. Idempotent for the run that holds the effect.
   *
   * Throws StoreUnavailableError: the claim may have been stored all the same, and asking again is safe.
   */
  claim(claim: EffectClaim): Promise<ClaimVerdict>

  /**
   * Records the result of an effect that this run holds; it never changes again. `fenced`: a higher run has taken the effect
   * over, or it was never claimed. Asking again is safe. Throws StoreUnavailableError.
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
  /** The append that began the run: two runs may have one number after a failover that lost commits. */
  readonly claim: AppendId
  readonly attempt: number
  /** The input of the effect, as text that is the same for equal values; undefined when the handler gave none. */
  readonly input: JsonText | undefined
}

/** `idempotent`: once, if the receiver honours the key; until it is completed every attempt repeats it. */
export type EffectMode = 'idempotent'

export type ClaimVerdict =
  /**
   * The run holds the effect. `key` is the same for every attempt of the task, also after a person's retry or a restored
   * backup, and cannot be guessed from task id and name.
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
