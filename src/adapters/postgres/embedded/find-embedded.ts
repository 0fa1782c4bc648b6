import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'
import { serverRole } from './cluster.ts'
import { findPostmaster } from './postmaster.ts'
import { openPasswords, toRolePassword } from './server-password.ts'
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
  if (postmaster === undefined) return undefined
  const [password = ''] = await openPasswords(place)
  const signIn = { user: serverRole, password: toRolePassword(password, serverRole) }
  return toServerAddress(postmaster, signIn, serverRole)
}
