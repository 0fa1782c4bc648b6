import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { findSqlState, readOnlyState } from './errors.ts'

/** By SQLSTATE. In words of our own: those of the server may quote what it was asked. */
const refusals: Readonly<Record<string, string>> = {
  [readOnlyState]: 'Postgres is read-only and takes no writes',
  '53100': 'Postgres has no disk space left',
  '53200': 'Postgres has no memory left',
  '53300': 'Postgres has no connection left',
  '57P01': 'Postgres is being shut down',
  '57P02': 'Postgres is being restarted after a crash',
  '57P03': 'Postgres is starting or stopping',
}

/** By which it gives up a statement that takes too long. */
const cancelledState = '57014'

/** The outage that a failed statement shows. */
export const toOutage = (error: unknown, fate: 'unknown' | 'not-stored'): StoreUnavailableError => {
  const sqlState = findSqlState(error)
  const state = sqlState === readOnlyState ? 'read-only' : 'silent'
  return new StoreUnavailableError(describe(sqlState), fate, { cause: error, state })
}

const describe = (sqlState: string | undefined): string => {
  if (sqlState === undefined || sqlState === cancelledState) return 'Postgres did not answer'
  return refusals[sqlState] ?? `Postgres gave no service (SQLSTATE ${sqlState})`
}
