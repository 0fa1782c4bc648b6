import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { DatabaseUnreachableError, StartupError } from '#application/diagnosis/startup-error.ts'
import { type DatabaseAddress, describeAddress, noTls } from './database-address.ts'
import { classifyFailure, findServerError } from './errors.ts'

/** Connection exceptions, no resources, operator intervention (also "starting up" and "shutting down"), system errors. */
const passingClasses = new Set(['08', '53', '57', '58'])
const lockNotAvailable = '55P03'
const missingRight = '42501'

/** Why a start could not use the database, in one line that names the server and no secret. */
export const toDatabaseError = (address: Pick<DatabaseAddress, 'host' | 'port'>, error: unknown): StartupError => {
  const place = `the database at ${describeAddress(address)}`
  if (error instanceof StartupError) return error
  const refusal = findServerError(error)
  const why = toReason(refusal ?? rootOf(error))
  if (isTlsFailure(error)) return new StartupError(`${place} could not be reached over TLS: ${why}`, { cause: error })
  if (refusal === undefined) {
    return new DatabaseUnreachableError(`${place} could not be reached: ${why}`, { cause: error })
  }
  if (refusal.code === lockNotAvailable) {
    return new StartupError(
      `${place} could not be migrated: another process that migrates, or a transaction such as that of a pg_dump, ` +
        `held its locks for too long: ${why}`,
      { cause: error },
    )
  }
  if (refusal.code === missingRight) {
    return new StartupError(
      `${place} refused: ${why}. The role of this process lacks that right: ` +
        'run `taskfold migrate --grant-to <its name>` as the owner of schema taskfold',
      { cause: error },
    )
  }
  return passingClasses.has(refusal.code.slice(0, 2))
    ? new DatabaseUnreachableError(`${place} gives no service now: ${why}`, { cause: error })
    : new StartupError(`${place} refused: ${why}`, { cause: error })
}

/** Does `work`, which uses the database; what the database is to blame for is thrown as by `toDatabaseError`. */
export const withDatabaseErrors = async <Done>(
  address: Pick<DatabaseAddress, 'host' | 'port'>,
  work: () => Promise<Done>,
): Promise<Done> => {
  try {
    return await work()
  } catch (error) {
    throw isOfDatabase(error) ? toDatabaseError(address, error) : error
  }
}

const isOfDatabase = (error: unknown): boolean =>
  error instanceof StoreUnavailableError ||
  findServerError(error) !== undefined ||
  classifyFailure(error) === 'not-taken'

/** The drivers wrap what happened in errors that say less. */
const rootOf = (error: unknown): unknown => {
  let at = error
  for (let depth = 0; at instanceof Error && at.cause instanceof Error && depth < 5; depth += 1) at = at.cause
  return at
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
