import { InvalidInputError, SlonikError } from 'slonik'
import { StoreUnavailableError } from '#application/ports/event-store.ts'

/**
 * What a failed statement means for the batch it carried.
 *
 * - `content`: some member does not fit; the others may. Nothing was stored. Also every error nobody thought of.
 * - `again`: the server rolled back for reasons of its own; the same statement may pass. Nothing was stored.
 * - `unknown`: the connection or the server went away; the transaction may have been committed.
 */
export type FailureClass = 'content' | 'again' | 'unknown'

const againStates = new Set(['40001', '40P01', '55P03'])
/** Connection exceptions, operator intervention, system errors; 53 is a server out of connections, memory or disk. */
const unknownClasses = new Set(['08', '53', '57', '58'])
const readOnlyState = '25006'

/** Classifies by SQLSTATE; a failure without one never came from the server, so its fate is unknown. */
export const classifyFailure = (error: unknown): FailureClass => {
  if (error instanceof InvalidInputError) return 'content'
  const state = findSqlState(error)
  if (state === undefined || state === readOnlyState || unknownClasses.has(state.slice(0, 2))) return 'unknown'
  return againStates.has(state) ? 'again' : 'content'
}

/** The five characters the server named an error by, wherever the driver has put them. */
export const findSqlState = (error: unknown): string | undefined => {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string' && /^[0-9A-Z]{5}$/.test(at.code)) return at.code
  }
  return undefined
}

/** The error a caller of a read meets: a server that is away is an expected breakdown, anything else is a mistake of ours. */
export const toReadError = (error: unknown): unknown =>
  classifyFailure(error) === 'content' && error instanceof SlonikError
    ? error
    : new StoreUnavailableError('Postgres did not answer', 'not-stored', { cause: error })
