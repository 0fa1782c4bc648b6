import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'
import { openPassword, serverRole } from './cluster.ts'
import { findPostmaster } from './postmaster.ts'
import { exists, openServerPlace } from './server-place.ts'
import { toServerAddress } from './server-process.ts'

/**
 * The address of the embedded server that is running in `dataDir`, with the password in it; undefined when none is. Starts
 * nothing. Throws StartupError for a folder, or a password, that cannot be read.
 */
export const findEmbeddedPostgres = async (dataDir: string, logger: Logger): Promise<DatabaseAddress | undefined> => {
  if (!(await exists(dataDir))) return undefined
  const place = await openServerPlace(dataDir, logger)
  const postmaster = await findPostmaster(place.cluster)
  return postmaster && toServerAddress(postmaster.port, await openPassword(place), serverRole)
}
