import { startEmbeddedPostgres } from '#adapters/postgres/embedded/embedded-postgres.ts'
import { findEmbeddedPostgres } from '#adapters/postgres/embedded/find-embedded.ts'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Config } from '../config.ts'

/** Where the database of this process is. */
export interface OpenedDatabase {
  readonly url: string
  /** Past any pooler. */
  readonly directUrl: string
  /** Stops the embedded server without waiting for it; does nothing for any other. */
  abandon(): void
}

/** The database of the configuration, or the embedded one, started here, which `owned` then stops. Throws StartupError. */
export const openDatabase = async (
  config: Config,
  logger: Logger,
  owned: AsyncDisposableStack,
): Promise<OpenedDatabase> => {
  if (config.databaseUrl !== undefined) {
    return { url: config.databaseUrl, directUrl: config.databaseDirectUrl ?? config.databaseUrl, abandon: () => {} }
  }
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, logger })
  owned.defer(() => embedded.stop())
  return { url: embedded.url, directUrl: embedded.url, abandon: () => void embedded.stop() }
}

/** The address of the database, or of the embedded one where it runs already; starts none. Answers why there is none. */
export const findDatabase = async (
  { databaseUrl, dataDir }: Config,
  logger: Logger,
): Promise<string | StartupError> => {
  if (databaseUrl !== undefined) return databaseUrl
  try {
    const url = await findEmbeddedPostgres(dataDir, logger)
    return url ?? new StartupError(`DATABASE_URL is not set, and no embedded PostgreSQL is running in ${dataDir}`)
  } catch (error) {
    if (error instanceof StartupError) return error
    throw error
  }
}
