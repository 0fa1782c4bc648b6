import type { DatabaseAddress } from '#adapters/postgres/connection/database-address.ts'
import { findAddressToExamine, findDatabaseAddress } from '#adapters/postgres/connection/find-address.ts'
import { startEmbeddedPostgres } from '#adapters/postgres/embedded/embedded-postgres.ts'
import { findEmbeddedPostgres } from '#adapters/postgres/embedded/find-embedded.ts'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Config } from '../config.ts'

/** Where the database of this process is. */
export interface OpenedDatabase {
  readonly address: DatabaseAddress
  /** Past any pooler. */
  readonly directAddress: DatabaseAddress
  /** Stops the embedded server without waiting for it; does nothing for any other. */
  abandon(): void
}

/**
 * The database of the configuration, waited for while it is not up yet, or the embedded one, started here, which `owned` then
 * stops. Throws StartupError.
 */
export const openDatabase = async (
  { database, databaseDirect, dataDir, startWaitMs: waitMs }: Config,
  logger: Logger,
  owned: AsyncDisposableStack,
): Promise<OpenedDatabase> => {
  if (database !== undefined) {
    const waiting = { logger, waitMs, isOver: () => owned.disposed }
    const address = await findDatabaseAddress(database, waiting)
    const directAddress = databaseDirect && (await findDatabaseAddress(databaseDirect, waiting))
    return { address, directAddress: directAddress ?? address, abandon: () => {} }
  }
  const embedded = await startEmbeddedPostgres({ dataDir, logger })
  if (owned.disposed) {
    await embedded.stop()
    throw new StartupError('was told to end while the embedded PostgreSQL started')
  }
  owned.defer(() => embedded.stop())
  return { address: embedded.address, directAddress: embedded.address, abandon: () => void embedded.stop() }
}

/**
 * The addresses of the database, or of the embedded one where it runs already, for whoever only examines: starts nothing and
 * waits for nothing. Answers why there is none.
 */
export const findDatabase = async (
  { database, databaseDirect, dataDir }: Config,
  logger: Logger,
): Promise<Omit<OpenedDatabase, 'abandon'> | StartupError> => {
  try {
    const address = await (database === undefined
      ? findEmbeddedPostgres(dataDir, logger)
      : findAddressToExamine(database))
    if (address instanceof StartupError) return address
    if (address === undefined) {
      return new StartupError(`DATABASE_URL is not set, and no embedded PostgreSQL is running in ${dataDir}`)
    }
    const directAddress = databaseDirect === undefined ? address : await findAddressToExamine(databaseDirect)
    return directAddress instanceof StartupError ? directAddress : { address, directAddress }
  } catch (error) {
    if (error instanceof StartupError) return error
    throw error
  }
}
