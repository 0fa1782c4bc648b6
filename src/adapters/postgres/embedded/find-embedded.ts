import type { Logger } from '#application/ports/surroundings/logger.ts'
import { openPassword, serverRole } from './cluster.ts'
import { findPostmaster } from './postmaster.ts'
import { exists, openServerPlace } from './server-place.ts'
import { toServerUrl } from './server-process.ts'

/**
 * The URL of the embedded server that is running in `dataDir`, with the password in it; undefined when none is. Starts
 * nothing. Throws StartupError for a folder, or a password, that cannot be read.
 */
export const findEmbeddedPostgres = async (dataDir: string, logger: Logger): Promise<string | undefined> => {
  if (!(await exists(dataDir))) return undefined
  const place = await openServerPlace(dataDir, logger)
  const postmaster = await findPostmaster(place.cluster)
  return postmaster && toServerUrl(postmaster.port, await openPassword(place), serverRole)
}
