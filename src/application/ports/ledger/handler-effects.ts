/**
 * `HandlerContext.effect`: does something elsewhere, and remembers that it was done. A later attempt gets the result of `work`
 * instead of calling it, also when a person has opened the task again. The result is any JSON of at most 65,536 bytes, given back
 * as it is read from JSON the first time as well. `name`: `[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`, one a task and effect; at most
 * 1,000 of them.
 *
 * Throws what `work` throws, but for mode `once`: see there. Throws EffectInDoubtError when nobody knows whether the effect has
 * happened, EffectChangedError when mode or `options.input` is another than before, EffectInUseError, the signal's reason
 * when it has aborted, a PermanentError for a result that cannot be kept, and a TypeError for other misuse.
 */
export interface PerformEffect {
  <Result>(name: string, options: TransactionOptions, work: TransactionWork<Result>): Promise<Result>
  <Result>(name: string, options: EffectOptions<Result>, work: EffectWork<Result>): Promise<Result>
}

export type EffectOptions<Result = unknown> = IdempotentOptions | OnceOptions<Result> | VerifyOptions<Result>

interface EffectInput {
  /**
   * What the effect depends on, compared by value: JSON, and also undefined members, bigints, dates, Maps, Sets, bytes and
   * instances of classes by their enumerable members. A function, a symbol or a Promise in it is a TypeError.
   */
  readonly input?: unknown
}

/**
 * The effect happens once if its receiver honours the key. Until its result is recorded every attempt repeats it, with the
 * same key.
 */
export interface IdempotentOptions extends EffectInput {
  readonly mode: 'idempotent'
}

/**
 * The effect happens at most once. Whatever `work` throws, an abort included, means that nobody knows: the effect is in doubt, and
 * the task ends FAILED `effect-in-doubt`, whatever the handler makes of the EffectInDoubtError. So it does when an earlier
 * attempt left the effect without a result, or when its result is no JSON. Only EffectNotDone says that nothing happened: it
 * is thrown as it is, and the next attempt begins anew.
 */
export interface OnceOptions<Result = unknown> extends EffectInput {
  readonly mode: 'once'
  /** Asked before what an earlier attempt left without a result counts as in doubt; as `VerifyOptions.verify`. */
  readonly reconcile?: EffectInquiry<Result>
}

/**
 * The effect happens once if the receiver can be asked. `work` is called when nobody can have performed the effect before, or
 * `verify` says that it was not done. EffectNotDone, thrown by `work`, saves the question.
 */
export interface VerifyOptions<Result = unknown> extends EffectInput {
  readonly mode: 'verify'
  /**
   * Asked whether the effect has happened, after an earlier attempt, or an earlier call of this one, has left it without a
   * result. `unknown`: the effect is in doubt, and the task ends FAILED `effect-in-doubt`; when a person has opened it again,
   * it is asked again. What it throws is an ordinary failure, and the next attempt asks again.
   */
  readonly verify: EffectInquiry<Result>
}

/**
 * The effect happens exactly once, because its SQL runs in the transaction that records it, in the database of Taskfold. `work`
 * may be called again after a commit whose reply was lost, and its SQL still counts once. What it throws rolls the transaction
 * back: nothing has happened. Until the transaction ends it holds back `GET /api/events`, so it should be short.
 */
export interface TransactionOptions extends EffectInput {
  readonly mode: 'tx'
}

export type EffectWork<Result> = (effect: EffectContext) => Result | Promise<Result>
export type TransactionWork<Result> = (effect: TransactionContext) => Result | Promise<Result>

/** What a receiver says about an effect. */
export type EffectInquiry<Result> = (effect: EffectContext) => EffectFinding<Result> | Promise<EffectFinding<Result>>

export type EffectFinding<Result> =
  | { readonly outcome: 'done'; readonly result: Result }
  | { readonly outcome: 'not-done' }
  | { readonly outcome: 'unknown' }

export interface EffectContext {
  /** For the receiver: the same for every attempt of this task and effect, another for all others. 43 letters, digits, - or _. */
  readonly key: string
  /** The run's. */
  readonly signal: AbortSignal
}

export interface TransactionContext extends EffectContext {
  readonly query: EffectQuery
}

/**
 * Sends one statement in the transaction of the effect, `values` for its parameters `$1`, `$2` and so on; several at a time go
 * one after another. It has 30 seconds, 2 of them for each lock, and the transaction may not pause for more than 60. Rows are
 * kept in memory.
 *
 * Throws EffectQueryError when the server refuses the statement. The transaction cannot be committed then, even when the error is
 * caught, unless it goes back to a savepoint: `savepoint`, `release` and `rollback to` are allowed. Throws a TypeError for
 * other statements that control the transaction and for COPY, and once `work` has ended.
 */
export type EffectQuery = (text: string, values?: readonly unknown[]) => Promise<QueryAnswer>

export interface QueryAnswer {
  /** Values as the driver `pg` reads them: an `int8` or `numeric` is text, a `timestamptz` a Date, `json` is parsed. */
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  /** Rows answered or changed; 0 for a statement that has none. */
  readonly rowCount: number
}

/** Thrown by the work of an effect in mode `once` or `verify`: it is certain that nothing has happened. */
export class EffectNotDone extends Error {
  override readonly name = 'EffectNotDone'
}

/**
 * Nobody knows whether an effect has happened. The task ends FAILED `effect-in-doubt` at once, whatever the handler makes of
 * this error; a person settles the effect and retries the task.
 */
export class EffectInDoubtError extends Error {
  override readonly name = 'EffectInDoubtError'
}

/** An effect was begun before with another input or in another mode. Uncaught, the task ends FAILED `effect-changed` at once. */
export class EffectChangedError extends Error {
  override readonly name = 'EffectChangedError'
}

/** The run performs an effect of this name at this moment: each must be awaited before it is asked for again. */
export class EffectInUseError extends Error {
  override readonly name = 'EffectInUseError'
}

/** The database refused a statement of an effect, or to commit what its statements did. */
export class EffectQueryError extends Error {
  override readonly name = 'EffectQueryError'
  /** SQLSTATE. */
  readonly code: string
  /** What the server says beyond its message, such as which key exists. */
  readonly detail: string | undefined
  /** The constraint that was violated. */
  readonly constraint: string | undefined
  constructor(message: string, { code, detail, constraint }: QueryRefusal, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.detail = detail
    this.constraint = constraint
  }
}

export interface QueryRefusal {
  readonly code: string
  readonly detail?: string | undefined
  readonly constraint?: string | undefined
}
