import type pg from 'pg'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import { EffectQueryError, type QueryAnswer } from '#application/ports/ledger/handler-effects.ts'
import { classifyFailure, findServerError } from '../connection/errors.ts'
import { toOutage } from '../connection/outage.ts'
import type { SessionKind } from '../connection/session-kind.ts'

interface Options {
  readonly sessions: SessionKind
  /** When it aborts before the commit, the connection is destroyed. */
  readonly signal: AbortSignal
}

const statementTimeoutMs = 30_000
const lockTimeoutMs = 2_000
const idleTimeoutMs = 60_000
/** By this process: longer than the server's, for a server that gives no answer at all. */
const statementDeadlineMs = statementTimeoutMs + 2_000
const ownDeadlineMs = 5_000

/** In `read committed` whatever the database says: the head is compared as it is at the end. */
const beginStatement = `begin isolation level read committed read write;
  set local lock_timeout = ${lockTimeoutMs};
  set local idle_in_transaction_session_timeout = ${idleTimeoutMs};
  set local statement_timeout = ${statementTimeoutMs}`

/** Of a transaction in which a statement has failed. */
const failedState = '25P02'
/** The server ended a transaction that paused for too long. */
const idleStates = new Set(['25P03', '25P04'])

/**
 * One transaction on a connection of its own.
 *
 * ```
 *   open ── commit ──▶ ended      open ── rollBack ──▶ ended
 *    └── abort, no answer, connection lost, destroy ──▶ lost
 * ```
 */
export class TransactionSession {
  /** Resolves when the connection is given back or destroyed. */
  readonly ended: Promise<void>
  readonly #end: () => void
  readonly #client: pg.PoolClient
  readonly #options: Options
  readonly #lost = Promise.withResolvers<never>()
  #state: 'open' | 'ended' | 'lost' = 'open'
  #release: 'to-do' | 'done' = 'to-do'
  #loss: Error | undefined
  /** The latest statement that the server refused. */
  #refusal: EffectQueryError | undefined

  /** Throws StoreUnavailableError when there is no connection in time. */
  static async open(pool: pg.Pool, options: Options): Promise<TransactionSession> {
    let client: pg.PoolClient
    try {
      client = await pool.connect()
    } catch (error) {
      throw classifyFailure(error) === 'content' ? error : toOutage(error, 'not-stored')
    }
    const session = new TransactionSession(client, options)
    try {
      await session.#send({ text: beginStatement }, ownDeadlineMs)
      return session
    } catch (error) {
      session.destroy(toOutage(error, 'not-stored'))
      session.release()
      throw toOutage(error, 'not-stored')
    }
  }

  private constructor(client: pg.PoolClient, options: Options) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = resolve
    this.#client = client
    this.#options = options
    this.#lost.promise.catch(() => {})
    client.on('error', this.#onError)
    options.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  readonly #onError = (error: Error): void =>
    this.#lose(toOutage(error, this.#state === 'ended' ? 'unknown' : 'not-stored'))
  readonly #onAbort = (): void => {
    const { reason }: { readonly reason: unknown } = this.#options.signal
    this.destroy(reason instanceof Error ? reason : new Error('aborted', { cause: reason }))
  }

  /** A statement of a handler. Throws EffectQueryError, or why the connection was lost. */
  async query(text: string, values: readonly unknown[] = []): Promise<QueryAnswer> {
    try {
      const { rows, rowCount } = await this.#send<Record<string, unknown>>(extended(text, values), statementDeadlineMs)
      return { rows, rowCount: rowCount ?? 0 }
    } catch (error) {
      throw this.#judge(error)
    }
  }

  /** A statement of ours. Throws EffectQueryError when a statement has failed before, and StoreUnavailableError. */
  async ask<Row extends object>(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    try {
      return (await this.#send<Row>(extended(text, values), ownDeadlineMs)).rows
    } catch (error) {
      if (this.#loss !== undefined) throw this.#loss
      if (findServerError(error)?.code === failedState) throw toSwallowed(this.#refusal)
      throw classifyFailure(error) === 'content' ? error : toOutage(error, 'not-stored')
    }
  }

  /** The result of `work`, unless the connection is lost before. */
  async whileOpen<Result>(work: Promise<Result>): Promise<Result> {
    // What the work does later is nobody's.
    work.catch(() => {})
    return Promise.race([work, this.#lost.promise])
  }

  /**
   * Throws StoreUnavailableError when the fate of the commit is unknown, and EffectQueryError when the server refused it: by a
   * deferred constraint, or by a ROLLBACK, which is how it answers when a statement had failed.
   */
  async commit(): Promise<void> {
    // From here on an abort comes too late: only the answer tells what happened.
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    if (this.#state === 'lost') throw this.#loss ?? toOutage(undefined, 'not-stored')
    this.#state = 'ended'
    try {
      const { command } = await this.#send({ text: 'commit' }, ownDeadlineMs)
      if (command !== 'COMMIT') {
        throw toSwallowed(this.#refusal)
      }
    } catch (error) {
      if (error instanceof EffectQueryError) throw error
      const refused = findRefusal(error)
      if (refused !== undefined) throw refused
      this.destroy(toOutage(error, 'unknown'))
      throw toOutage(error, 'unknown')
    }
  }

  /** Never throws: a connection that cannot roll back is destroyed, which has the server do so. */
  async rollBack(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    await this.#send({ text: 'rollback' }, ownDeadlineMs).catch((error: unknown) => {
      this.destroy(toOutage(error, 'not-stored'))
    })
  }

  /** Why the connection was lost, if it was. */
  findLoss(name: string): Error | undefined {
    const state = findServerError(this.#loss)?.code
    if (state === undefined || !idleStates.has(state)) return this.#loss
    const message = `the transaction of effect ${name} paused for more than ${idleTimeoutMs} ms and was ended`
    return new EffectQueryError(message, { code: state }, { cause: this.#loss })
  }

  destroy(loss: Error): void {
    this.#lose(loss)
    this.release()
  }

  /** Gives the connection back, without what handlers may have set for its session; one that is lost is destroyed. */
  release(): void {
    if (this.#release === 'done') return
    this.#release = 'done'
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    void this.#giveBack().finally(() => {
      this.#client.off('error', this.#onError)
      this.#end()
    })
  }

  async #giveBack(): Promise<void> {
    if (this.#state === 'ended' && this.#options.sessions === 'own') {
      await this.#send({ text: 'discard all' }, ownDeadlineMs).catch((error: unknown) => this.#lose(toLoss(error)))
    }
    this.#client.release(this.#state === 'lost' ? (this.#loss ?? true) : false)
  }

  #lose(loss: Error): void {
    if (this.#state === 'lost') return
    this.#state = 'lost'
    this.#loss ??= loss
    this.#lost.reject(loss)
  }

  #judge(error: unknown): unknown {
    // A connection that is lost says so before its queries fail.
    if (this.#loss !== undefined) return this.#loss
    const refused = findRefusal(error)
    if (refused !== undefined) {
      this.#refusal = refused
      return refused
    }
    // A value that cannot be sent: nothing was.
    if (findServerError(error) === undefined) return error
    this.destroy(toLoss(error))
    return this.#loss
  }

  #send<Row extends object>(
    query: { readonly text: string; readonly values?: unknown[] },
    deadlineMs: number,
  ): Promise<pg.QueryResult<Row>> {
    const late = (): Error => {
      const loss = toOutage(undefined, 'unknown')
      this.#lose(loss)
      this.release()
      return loss
    }
    return withDeadline(this.#client.query<Row>(query), deadlineMs, late)
  }
}

/** By the protocol that takes one statement at a time: `select 1; commit` is refused. */
const extended = (text: string, values: readonly unknown[]) => ({ text, values: [...values], queryMode: 'extended' })

/** What the server refused while the connection stays. */
const findRefusal = (error: unknown): EffectQueryError | undefined => {
  const refusal = findServerError(error)
  if (refusal === undefined || Reflect.get(refusal, 'severity') !== 'ERROR') return undefined
  const { code, message } = refusal
  const [detail, constraint] = [readText(refusal, 'detail'), readText(refusal, 'constraint')]
  return new EffectQueryError(message, { code, detail, constraint }, { cause: error })
}

/** A statement had failed, and whoever sent it caught the error. */
const toSwallowed = (refusal: EffectQueryError | undefined): EffectQueryError =>
  new EffectQueryError(
    `nothing was committed, because a statement had failed before: ${refusal?.message ?? 'it is not known which'}`,
    { code: failedState },
    { cause: refusal },
  )

const readText = (error: Error, member: string): string | undefined => {
  const value: unknown = Reflect.get(error, member)
  return typeof value === 'string' ? value : undefined
}

const toLoss = (error: unknown): Error => toOutage(error, 'not-stored')
