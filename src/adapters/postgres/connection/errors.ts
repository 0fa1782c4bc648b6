import { ConnectionError, InvalidInputError } from 'slonik'

/**
 * What a failed statement means for the batch that it carried.
 *
 * - `content`: the server refused a member of the batch; the others may pass. Nothing was stored. An SQLSTATE that no other
 *   class lists counts as this.
 * - `again`: the server rolled the transaction back to end a conflict; the same statement may pass. Nothing was stored.
 * - `not-taken`: there was no connection to send it on, or the server takes no writes. Nothing was stored.
 * - `unknown`: the connection or the server went away; the transaction may have been committed.
 */
export type FailureClass = 'content' | 'again' | 'not-taken' | 'unknown'

const againStates = new Set(['40001', '40P01', '55P03'])
/** Connection exceptions, operator intervention, system errors; 53 is a server out of connections, memory or disk. */
const unknownClasses = new Set(['08', '53', '57', '58'])
export const readOnlyState = '25006'

/** Classifies by SQLSTATE. A failure without one did not come from the server, so the fate of the statement is unknown. */
export const classifyFailure = (error: unknown): FailureClass => {
  if (error instanceof ConnectionError) return 'not-taken'
  if (error instanceof InvalidInputError) return 'content'
  const state = findSqlState(error)
  if (state === readOnlyState) return 'not-taken'
  if (state === undefined || unknownClasses.has(state.slice(0, 2))) return 'unknown'
  return againStates.has(state) ? 'again' : 'content'
}

/** The SQLSTATE of a server's error, at whatever depth of causes the drivers have put it. */
export const findSqlState = (error: unknown): string | undefined => findServerError(error)?.code

/** The DETAIL of a server's error. */
export const findErrorDetail = (error: unknown): string | undefined => {
  const found = findServerError(error)
  return found !== undefined && 'detail' in found && typeof found.detail === 'string' ? found.detail : undefined
}

/** Only the server's own errors have a severity: a code of the system, such as EPIPE, must not pass for a SQLSTATE. */
export const findServerError = (error: unknown): (Error & { readonly code: string }) | undefined => {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (isServerError(at)) return at
  }
  return undefined
}

const isServerError = (error: Error): error is Error & { readonly code: string } =>
  'severity' in error && 'code' in error && typeof error.code === 'string'
