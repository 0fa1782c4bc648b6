import pg from 'pg'
import { DatabaseUnreachableError, StartupError } from '#application/diagnosis/startup-error.ts'

/** Connection exceptions, no resources, operator intervention (also "starting up" and "shutting down"), system errors. */
const passingClasses = new Set(['08', '53', '57', '58'])
const lockNotAvailable = '55P03'

/** Why a start could not use the database, in one line that names the server and no secret. */
export const toDatabaseError = (url: string, error: unknown): StartupError => {
  const place = `the database at ${toPlace(url)}`
  const why = toReason(error)
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

/** The host and port that the driver would connect to: the URL may leave both to its defaults. */
const toPlace = (url: string): string => {
  try {
    const { host, port } = new pg.Client({ connectionString: url })
    return host.startsWith('/') ? host : `${host}:${port}`
  } catch {
    return 'DATABASE_URL'
  }
}

/** A name with several addresses fails with one error for each, and with no message of its own. */
const toReason = (error: unknown): string => {
  const said =
    error instanceof AggregateError && error.message === '' ? error.errors.map(toReason).join('; ') : undefined
  return said ?? (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
}
