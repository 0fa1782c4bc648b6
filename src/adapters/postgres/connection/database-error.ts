import pg from 'pg'
import { DatabaseUnreachableError, StartupError } from '#application/diagnosis/startup-error.ts'
import { type DatabaseAddress, describeAddress, noTls } from './database-address.ts'

/** Connection exceptions, no resources, operator intervention (also "starting up" and "shutting down"), system errors. */
const passingClasses = new Set(['08', '53', '57', '58'])
const lockNotAvailable = '55P03'

/** Why a start could not use the database, in one line that names the server and no secret. */
export const toDatabaseError = (address: Pick<DatabaseAddress, 'host' | 'port'>, error: unknown): StartupError => {
  const place = `the database at ${describeAddress(address)}`
  const why = toReason(error)
  if (error instanceof StartupError) return error
  if (isTlsFailure(error)) return new StartupError(`${place} could not be reached over TLS: ${why}`, { cause: error })
  if (!(error instanceof pg.DatabaseError)) {
    return new DatabaseUnreachableError(`${place} could not be reached: ${why}`, { cause: error })
  }
  if (error.code === lockNotAvailable) {
    return new StartupError(`${place} was being migrated by another process for too long: ${why}`, { cause: error })
  }
  return passingClasses.has(error.code?.slice(0, 2) ?? '')
    ? new DatabaseUnreachableError(`${place} gives no service now: ${why}`, { cause: error })
    : new StartupError(`${place} refused: ${why}`, { cause: error })
}

/** Waiting does not cure it: the server speaks no TLS, or its certificate does not suffice. */
const isTlsFailure = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return error.message === noTls || /^(ERR_(SSL|TLS)_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|HOSTNAME_)/.test(code)
}

/** A name with several addresses fails with one error for each, and with no message of its own. */
const toReason = (error: unknown): string => {
  const said =
    error instanceof AggregateError && error.message === '' ? error.errors.map(toReason).join('; ') : undefined
  return said ?? (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
}
