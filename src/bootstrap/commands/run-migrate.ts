import { grantRights } from '#adapters/postgres/migrate/grant-rights.ts'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Config } from '../config.ts'
import { createRuntime } from '../open/create-runtime.ts'
import { openDatabase } from '../open/open-database.ts'
import { openStore } from '../open/open-store.ts'

export interface MigrateWords {
  /** The role that the roles of the product run as, when it is not the one that migrates. */
  readonly grantTo?: string
}

/**
 * Brings the database to this release and ends: for a deploy that does so once, before its roles start, by the role that owns
 * the tables. Makes the partitions of the next weeks, too. Throws as openDatabase, migrate and grantRights do.
 */
export const runMigrate = async (
  config: Config,
  logger: Logger,
  owned: AsyncDisposableStack,
  { grantTo }: MigrateWords,
): Promise<void> => {
  const database = await openDatabase(config, logger, owned)
  const applied = await migrate({ address: database.directAddress, logger })
  if (grantTo !== undefined) await grantRights(database.directAddress, grantTo)
  await openStore(database, { runtime: createRuntime(logger) }, owned)
  process.stdout.write(applied.length === 0 ? 'nothing to migrate\n' : `migrated: ${applied.join(', ')}\n`)
}
