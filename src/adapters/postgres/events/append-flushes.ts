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
import type { BatchItem } from '../group-commit/append-queue.ts'
import type { Busy, Connect } from '../group-commit/group-commit.ts'
import type { PostgresRoutes } from '../heads/routes.ts'
import { findErrorDetail, findSqlState } from '../connection/errors.ts'
import type { EstimatedStoreClock } from './store-clock.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly routes: Pick<PostgresRoutes, 'era' | 'numberOf'>
  readonly storeClock: EstimatedStoreClock
  readonly monotonicMs: () => number
  /** Sees each flush. */
  readonly commits?: CommitObserver | undefined
}

/** Appends that are stored all or none. */
export interface EncodedAppends extends BatchItem {
  readonly appends: readonly EncodedAppend[]
}

/** For appends that have nothing to do with each other: those of a batch share a transaction. */
export const createAppendConnect = (deps: Deps): Connect<EncodedAppend, AppendVerdict> => {
  const teller = createClockTeller(deps)
  return (work) =>
    deps.pool.connect((connection) =>
      work(async (batch, locking) => {
        const current = isOfEra(batch, deps.routes.era()) ? batch : await renewRoutes(deps, batch)
        const toldMs = teller.toldMs()
        const statement = toAppendStatement(current, 'each', locking, toldMs)
        const answer = await execute(deps, connection, statement)
        teller.note(toldMs, answer.recorded_ms)
        return current.map(toVerdicts(statement, answer))
      }),
    )
}

/** As in append.sql: a batch that is recorded later than this after the last that told the clock's row tells it as well. */
const toldForMs = 15_000

/**
 * What the clock's row is known to have been told. Known for fifteen seconds only, and not after a step back, because recovery
 * takes the row back to the clock.
 */
const createClockTeller = ({ monotonicMs }: Pick<Deps, 'monotonicMs'>) => {
  let told = { ms: 0, untilMs: 0 }
  return {
    toldMs: (): number => (monotonicMs() < told.untilMs ? told.ms : 0),
    note: (toldMs: number, recordedMs: number): void => {
      if (recordedMs < toldMs || recordedMs - toldMs > toldForMs) {
        told = { ms: recordedMs, untilMs: monotonicMs() + toldForMs }
      }
    },
  }
}

/** For appends that belong together: each item has a transaction of its own, all or nothing. */
export const createAtomicConnect =
  (deps: Deps): Connect<EncodedAppends, AppendAllVerdict> =>
  (work) =>
    deps.pool.connect((connection) =>
      work(async (batch) => {
        const verdicts: (AppendAllVerdict | Busy)[] = []
        for (const { appends } of batch) {
          const current = isOfEra(appends, deps.routes.era()) ? appends : await renewRoutes(deps, appends)
          verdicts.push(await executeAtomic(deps, connection, current))
        }
        return verdicts
      }),
    )

/**
 * Whether the routes of all appends are those that the database has now. A connection that was just made may have shown that
 * it has not: then the numbers that the batch was encoded with may stand for other routes.
 */
const isOfEra = (appends: readonly EncodedAppend[], era: number): boolean => {
  for (const encoded of appends) if (encoded.era !== era && encoded.route !== null) return false
  return true
}

const renewRoutes = ({ routes }: Deps, appends: readonly EncodedAppend[]): Promise<readonly EncodedAppend[]> => {
  const era = routes.era()
  return Promise.all(
    appends.map(async (encoded) =>
      encoded.route === null ? encoded : { ...encoded, route: await routes.numberOf(encoded.append.head), era },
    ),
  )
}

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

/** The server stored nothing and names the appends that it refused: an answer like any other. Rethrows all other errors. */
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
