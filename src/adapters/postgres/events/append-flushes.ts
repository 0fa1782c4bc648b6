import type { DatabasePool, DatabasePoolConnection } from 'slonik'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import {
  type AppendAllVerdict,
  type AppendVerdict,
  type Duplicate,
  type StoredMember,
} from '#application/ports/events/event-store.ts'
import type { TaskId } from '#domain/identifiers.ts'
import {
  type AppendAnswer,
  type AppendStatement,
  type EncodedAppend,
  toAppendStatement,
  toVerdicts,
} from './append-statement.ts'
import type { Busy, Flush } from '../group-commit/batch-sender.ts'
import { findErrorDetail, findSqlState } from '../connection/errors.ts'
import type { EstimatedStoreClock } from './store-clock.ts'
import type { Parcel } from '../group-commit/waiting-line.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly storeClock: EstimatedStoreClock
  readonly monotonicMs: () => number
  /** Sees each flush; nobody does unless given. */
  readonly commits?: CommitObserver | undefined
}

/** Appends that are stored all or none. */
export interface EncodedAppends extends Parcel {
  readonly appends: readonly EncodedAppend[]
}

/** Sends a batch of appends that have nothing to do with each other, as one transaction. */
export const createAppendFlush =
  (deps: Deps): Flush<EncodedAppend, AppendVerdict> =>
  (depart, locking) =>
    deps.pool.connect(async (connection) => {
      const batch = depart()
      if (batch.length === 0) return []
      const statement = toAppendStatement(batch, 'each', locking)
      return batch.map(toVerdicts(statement, await execute(deps, connection, statement)))
    })

/** Sends appends that belong together, alone in their transaction. */
export const createAtomicFlush =
  (deps: Deps): Flush<EncodedAppends, AppendAllVerdict> =>
  (depart) =>
    deps.pool.connect(async (connection) => {
      const answers: (AppendAllVerdict | Busy)[] = []
      for (const { appends } of depart()) answers.push(await executeAtomic(deps, connection, appends))
      return answers
    })

const executeAtomic = async (
  deps: Deps,
  connection: DatabasePoolConnection,
  appends: readonly EncodedAppend[],
): Promise<AppendAllVerdict | Busy> => {
  const statement = toAppendStatement(appends, 'atomic')
  const verdictOn = toVerdicts(statement, await execute(deps, connection, statement).catch(toRefusal))
  const conflicts: TaskId[] = []
  const reused: TaskId[] = []
  const members: (StoredMember | Duplicate)[] = []
  let busy: Busy | undefined
  for (const encoded of appends) {
    const verdict = verdictOn(encoded)
    const { taskId, key } = encoded.append
    if (verdict.kind === 'busy') busy = verdict
    else if (verdict.kind === 'conflict') conflicts.push(taskId)
    else if (verdict.kind !== 'duplicate') members.push({ kind: 'stored', recordedAt: verdict.recordedAt })
    else if (verdict.fingerprint === key?.fingerprint) members.push(verdict)
    else reused.push(taskId)
  }
  if (conflicts.length + reused.length > 0) return { kind: 'refused', conflicts, reused }
  return busy ?? { kind: 'appended', members }
}

const notAllAppended = 'TF002'

/** Nothing was stored, and the server says because of which: an answer like any other. Throws everything else again. */
const toRefusal = (error: unknown): AppendAnswer => {
  if (findSqlState(error) !== notAllAppended) throw error
  const others: unknown = JSON.parse(findErrorDetail(error) ?? '[]')
  return { recorded_ms: 0, others }
}

const execute = async (
  { storeClock, monotonicMs, commits }: Deps,
  connection: DatabasePoolConnection,
  statement: AppendStatement,
): Promise<AppendAnswer> => {
  const sentAtMs = monotonicMs()
  const send = (): Promise<AppendAnswer> => connection.one(statement.query)
  const answer = await (commits === undefined ? send() : commits.commit(statement.sorted, send))
  storeClock.observe(answer.recorded_ms, sentAtMs, monotonicMs())
  return answer
}
