import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Config } from '../config.ts'
import { openDatabase } from '../open/open-database.ts'

/**
 * Brings the database to this release and ends: for a deploy that does so once, before its roles start, by a role that may
 * change tables. Throws as openDatabase and migrate do.
 */
export const runMigrate = async (config: Config, logger: Logger): Promise<void> => {
  await using owned = new AsyncDisposableStack()
  const { directAddress } = await openDatabase(config, logger, owned)
  const applied = await migrate({ address: directAddress, logger })
  process.stdout.write(applied.length === 0 ? 'nothing to migrate\n' : `migrated: ${applied.join(', ')}\n`)
}
