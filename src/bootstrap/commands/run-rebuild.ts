import { withDatabaseErrors } from '#adapters/postgres/connection/database-error.ts'
import { rebuildHeads } from '#adapters/postgres/heads/rebuild.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Config } from '../config.ts'
import { createRuntime } from '../open/create-runtime.ts'
import { openDatabase } from '../open/open-database.ts'
import { openStore } from '../open/open-store.ts'

/**
 * Writes all heads anew from the events, which may be done beside a working fleet, and says what was found. Throws as
 * openDatabase, openStore and rebuildHeads do.
 */
export const runRebuild = async (config: Config, logger: Logger, owned: AsyncDisposableStack): Promise<void> => {
  const database = await openDatabase(config, logger, owned)
  const { connections, routes, events } = await openStore(database, { runtime: createRuntime(logger) }, owned)
  const { streams, repaired, removed, unreadable } = await withDatabaseErrors(database.address, () =>
    rebuildHeads({ pool: connections.pool, routes, store: events.store, logger }),
  )
  process.stdout.write(
    `read ${streams} histories: ${repaired} heads repaired, ${removed} removed, ${unreadable} histories unreadable\n`,
  )
}
