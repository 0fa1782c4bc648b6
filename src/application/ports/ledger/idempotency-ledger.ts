import type { AppendId, Run, TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'
import type { EffectQuery } from './handler-effects.ts'

/** The ledger: what the runs of tasks do elsewhere, and what people see of it and settle. */
export interface IdempotencyLedger extends RunLedger, EffectRecords {}

/**
 * The effects of tasks on other systems: one row an effect, by task and name. The run in force (its number and the append that
 * began it) is the fence: no clock decides which run holds an effect.
 *
 * ```
 *   (none), not-done ── claim ──▶ claimed ── complete ──▶ completed, for ever
 *   claimed ── claim by another run ──▶ claimed (taken over) or in-doubt, as that run wants it
 *   claimed ── giveBack ──▶ not-done
 *   claimed ── doubt ──▶ in-doubt
 *   in-doubt ── settle ──▶ completed or not-done
 *   in-doubt ── complete ──▶ completed
 *   in-doubt ── claim that takes over ──▶ claimed (taken over)
 * ```
 */
export interface RunLedger {
  /**
   * Claims an effect of any mode but `tx` for the run in force, durable before the verdict. Idempotent for the run that holds
   * the effect: asked again after a lost reply it answers the same, so a run remembers itself what it has begun.
   *
   * Throws StoreUnavailableError: the claim may have been stored all the same, and asking again is safe.
   */
  claim(claim: EffectClaim): Promise<ClaimVerdict>

  /**
   * Records the result of an effect that this run was the last to claim, also when the run is over or the effect is in doubt
   * meanwhile: what is known to have happened counts more than a doubt. It never changes again: asked again, or after a person
   * has settled it as completed, the first result stays. `fenced`: another run has claimed the effect since, or none ever did.
   * Asking again is safe. Throws StoreUnavailableError.
   */
  complete(completion: EffectCompletion): Promise<'completed' | 'fenced'>

  /**
   * Records that an effect which this run holds did not happen: the next claim finds it as if it were new. `fenced`: this run
   * does not hold it any more. Asking again is safe. Throws StoreUnavailableError.
   */
  giveBack(held: HeldEffect): Promise<'given-back' | 'fenced'>

  /**
   * Records that nobody knows whether an effect which this run holds has happened. `completed`: its result was recorded before,
   * so there is no doubt. `fenced`: another run has claimed it since. Asking again is safe. Throws StoreUnavailableError.
   */
  doubt(held: HeldEffect): Promise<'in-doubt' | 'completed' | 'fenced'>

  /**
   * Performs an effect of mode `tx`, unless it is completed: calls `work` with a transaction of the store, and commits what its
   * statements did together with its result. The row of the effect is written first, so that of two transactions one waits
   * for the other and then finds its result; the head is locked and compared last, so that a run that was replaced meanwhile
   * commits nothing. Durable before the verdict.
   *
   * Throws what `work` throws, and the reason of `signal` when that aborts before the commit: everything is rolled back then.
   * Throws EffectQueryError when the server refuses to commit, because a statement failed, and StoreUnavailableError when the
   * connection was lost or a commit was not answered. In each case asking again is safe: `work` is called again unless the
   * first commit has come to pass.
   */
  transact(claim: TransactionClaim, work: TransactedWork): Promise<TransactVerdict>
}

/** What people see of effects, and what they decide about those in doubt. */
export interface EffectRecords {
  /** The effects of a task in the order they were first begun, at most 1000. Throws StoreUnavailableError. */
  list(taskId: TaskId): Promise<readonly Effect[]>

  /**
   * Records what a person found out about an effect in doubt. Decided against the head as it is: an effect that a run in force
   * holds is not in doubt. Asked again after a lost reply it answers `not-in-doubt`, with the effect as it was settled.
   * Throws StoreUnavailableError: it may have been stored all the same.
   */
  settle(settlement: Settlement): Promise<SettleVerdict>

  /** Tasks with effects in doubt, however these tasks ended; counted up to `limit`. Throws StoreUnavailableError. */
  countInDoubt(limit: number): Promise<EffectsInDoubt>
}

/** What a run holds: an effect, by the run that claimed it last. */
export interface HeldEffect {
  readonly taskId: TaskId
  readonly name: string
  readonly run: Run
  /** The append that began the run: two runs may have one number after a failover that lost commits. */
  readonly claim: AppendId
}

export interface EffectClaim extends HeldEffect {
  readonly mode: Exclude<EffectMode, 'tx'>
  readonly attempt: number
  /** The input of the effect, as text that is the same for equal values; undefined when the handler gave none. */
  readonly input: JsonText | undefined
  readonly unfinished: UnfinishedPolicy
}

/**
 * - `tx`: exactly once: it is recorded in the transaction that it happens in.
 * - `idempotent`: once, if the receiver honours the key; until it is completed every attempt repeats it.
 * - `once`: at most once: what may have happened is not begun again unless somebody knows that it has not.
 * - `verify`: once, if the receiver can be asked.
 */
export type EffectMode = 'tx' | 'idempotent' | 'once' | 'verify'

/**
 * What is to become of an effect that an earlier run claimed and did not complete, or that is in doubt.
 *
 * - `take-over`: the claiming run holds it from now on. It repeats the effect, or asks first whether it has happened.
 * - `doubt`: it is in doubt from now on, and the verdict says so.
 */
export type UnfinishedPolicy = 'take-over' | 'doubt'

export type ClaimVerdict =
  /**
   * The run holds the effect. `key` is the same for every attempt of the task, also after a person's retry or a restored
   * backup, and cannot be guessed from task id and name.
   *
   * `since`: `taken-over` when an earlier run may have performed it, `new` when none can have; the same each time that one run
   * asks.
   */
  | { readonly kind: 'claimed'; readonly key: string; readonly since: 'new' | 'taken-over' }
  /** It was completed before, with this result. */
  | { readonly kind: 'completed'; readonly result: JsonText }
  /** It was begun before with another input, or in another mode. */
  | { readonly kind: 'changed' }
  /** Nobody knows whether it has happened. */
  | { readonly kind: 'in-doubt' }
  /** The run is not the one in force. */
  | { readonly kind: 'fenced' }

export interface TransactionClaim extends Omit<EffectClaim, 'mode' | 'unfinished'> {
  readonly signal: AbortSignal
}

/** Resolves with the result to be recorded. */
export type TransactedWork = (transaction: EffectTransaction) => Promise<JsonText>

export interface EffectTransaction {
  /** As that of a claim. */
  readonly key: string
  /** Takes one statement at a time, and no parameter beyond the 65,535 of the protocol. */
  readonly query: EffectQuery
}

/** `completed`: now or before, with this result. */
export type TransactVerdict = Extract<ClaimVerdict, { readonly kind: 'completed' | 'changed' | 'fenced' }>

export interface EffectCompletion extends HeldEffect {
  readonly result: JsonText
}

export interface Effect {
  readonly name: string
  readonly mode: EffectMode
  /**
   * `started`: it is under way, or is known not to have happened. `in-doubt` is also an effect in mode `once` whose run is
   * over, before any other run has found it.
   */
  readonly state: 'started' | 'completed' | 'in-doubt'
  /** The attempt that claimed it last. */
  readonly attempt: number
  /** Undefined until it is completed. */
  readonly result: JsonText | undefined
  /** When it was first claimed. */
  readonly startedAt: Instant
  readonly completedAt: Instant | undefined
  /** How a person settled it the last time; it stays when the effect is begun again. */
  readonly settled: EffectSettled | undefined
}

export interface EffectSettled {
  readonly at: Instant
  readonly by: string | undefined
  readonly reason: string | undefined
}

export interface Settlement {
  readonly taskId: TaskId
  readonly name: string
  readonly outcome:
    /** It has happened, and later attempts are given this result. */
    | { readonly kind: 'completed'; readonly result: JsonText }
    /** It has not happened: the next attempt that comes to it begins it anew. */
    | { readonly kind: 'not-done' }
  readonly by: string | undefined
  readonly reason: string | undefined
}

/** With the effect as it is afterwards. */
export type SettleVerdict =
  | { readonly kind: 'settled'; readonly effect: Effect }
  | { readonly kind: 'not-in-doubt'; readonly effect: Effect }
  /** The task, if there is one, has no effect of that name. */
  | { readonly kind: 'not-found' }

export interface EffectsInDoubt {
  /** How many tasks, or the limit when there are at least so many. */
  readonly tasks: number
  /** The newest of them, at most ten. */
  readonly examples: readonly TaskId[]
}

/** How an effect may be named. */
export const effectNamePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** Of one result, as UTF-8 text. */
export const effectResultBytesMax = 65_536

/** How many effects of one task are listed. */
export const effectsListedMax = 1_000

/** How many tasks `countInDoubt` names. */
export const doubtExamplesMax = 10
