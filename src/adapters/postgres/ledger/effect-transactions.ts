import type pg from 'pg'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type {
  RunLedger,
  TransactedWork,
  TransactionClaim,
  TransactVerdict,
} from '#application/ports/ledger/idempotency-ledger.ts'
import type { JsonText } from '#domain/task/events.ts'
import { createClientPool, type DatabaseAddress } from '../connection/database-address.ts'
import type { SessionKind } from '../connection/session-kind.ts'
import type { EffectKeys } from './effect-keys.ts'
import { TransactionSession } from './transaction-session.ts'

/** Effects in mode `tx`. */
export interface EffectTransactions extends Pick<RunLedger, 'transact'> {
  /** Rolls back what is open. */
  close(): Promise<void>
}

interface Deps {
  readonly address: DatabaseAddress
  readonly sessions: SessionKind
  readonly keys: EffectKeys
}

/**
 * Connections of a process for effects in mode `tx`, apart from all others: a handler that keeps its transaction open, or waits
 * for a lock, holds up no append. They are made when they are first needed.
 */
const connectionsMax = 10
/** For a connection, a free one included. */
const connectDeadlineMs = 2_000

export const createEffectTransactions = ({ address, sessions, keys }: Deps): EffectTransactions => {
  const open = new Set<TransactionSession>()
  let pool: pg.Pool | undefined

  const connect = async (signal: AbortSignal): Promise<TransactionSession> => {
    pool ??= createClientPool(address, { applicationName: 'taskfold effects', connectDeadlineMs, connectionsMax })
    const session = await TransactionSession.open(pool, { sessions, signal })
    open.add(session)
    void session.ended.then(() => open.delete(session))
    return session
  }

  return {
    transact: async (claim, work) => {
      const key = await keys.find(claim.taskId, claim.name)
      claim.signal.throwIfAborted()
      const session = await connect(claim.signal)
      try {
        const verdict = await perform(session, claim, (query) => work({ key, query }))
        if (verdict.kind !== 'completed') await session.rollBack()
        return verdict
      } catch (error) {
        await session.rollBack()
        throw session.findLoss(claim.name) ?? error
      } finally {
        session.release()
      }
    },

    close: async () => {
      for (const session of open) session.destroy(new StoreUnavailableError('this process closes its store', 'unknown'))
      await pool?.end()
    },
  }
}

const perform = async (
  session: TransactionSession,
  claim: TransactionClaim,
  work: (query: Parameters<TransactedWork>[0]['query']) => Promise<JsonText>,
): Promise<TransactVerdict> => {
  const begun = await begin(session, claim)
  if (begun !== 'begun') return begun
  claim.signal.throwIfAborted()
  const result = await session.whileOpen(work((text, values) => session.query(text, values)))
  if ((await record(session, claim, result)) === 'fenced') return { kind: 'fenced' }
  await session.commit()
  return { kind: 'completed', result }
}

/** Inserts the row of the effect, or tells why not. It waits for a transaction that is inserting the same. */
const begin = async (session: TransactionSession, claim: TransactionClaim): Promise<TransactVerdict | 'begun'> => {
  const { taskId, name, run, claim: begunBy, attempt, input } = claim
  const [inserted] = await session.ask<{ readonly in_force: boolean; readonly begun: boolean }>(insertStatement, [
    taskId,
    name,
    run,
    begunBy,
    attempt,
    input ?? null,
  ])
  if (inserted?.begun === true) return 'begun'
  if (inserted?.in_force !== true) return { kind: 'fenced' }
  const [found] = await session.ask<{ readonly same: boolean; readonly result: string | null }>(findStatement, [
    taskId,
    name,
    input ?? null,
  ])
  if (found === undefined) throw new StoreUnavailableError(`effect ${name} was rolled back meanwhile`, 'not-stored')
  return found.same && found.result !== null ? { kind: 'completed', result: found.result } : { kind: 'changed' }
}

/** The head is locked last and until the commit: no run can replace this one in between. */
const record = async (
  session: TransactionSession,
  { taskId, name, run, claim }: TransactionClaim,
  result: JsonText,
): Promise<'recorded' | 'fenced'> => {
  const [row] = await session.ask<{ readonly recorded: boolean }>(recordStatement, [taskId, name, run, claim, result])
  return row?.recorded === true ? 'recorded' : 'fenced'
}

const insertStatement = `
  with in_force as (
    select
    from taskfold.tasks
    where task_id = $1::uuid
    and run = $3::int
    and claim = $4::uuid
  ), begun as (
    insert into taskfold.effects (task_id, name, mode, run, claim, attempt, input_sha256)
    select $1::uuid, $2, 'tx', $3::int, $4::uuid, $5::int, sha256(convert_to($6::text, 'UTF8'))
    where exists (select from in_force)
    on conflict (task_id, name) do nothing
    returning task_id
  )
  select exists (select from in_force) as in_force, exists (select from begun) as begun`

const findStatement = `
  select mode = 'tx' and input_sha256 is not distinct from sha256(convert_to($3::text, 'UTF8')) as same,
         result::text as result
  from taskfold.effects
  where task_id = $1::uuid
  and name = $2`

const recordStatement = `
  with in_force as (
    select
    from taskfold.tasks
    where task_id = $1::uuid
    and run = $3::int
    and claim = $4::uuid
    for share
  ), recorded as (
    update taskfold.effects
    set state = 'completed', result = $5::json, completed_at = date_trunc('milliseconds', clock_timestamp())
    where task_id = $1::uuid
    and name = $2
    and exists (select from in_force)
    returning task_id
  ), durable as (
    select taskfold.durably()
  )
  select exists (select from recorded) as recorded
  from durable`
