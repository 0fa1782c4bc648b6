import { createHash } from 'node:crypto'
import { access, chmod, chown, constants, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { canEnter, findServerAccount, type ServerAccount } from './server-account.ts'

/** The folder of one embedded server, and the account that it runs as. */
export interface ServerPlace {
  readonly folder: string
  /** PostgreSQL's own data folder. */
  readonly cluster: string
  readonly account: ServerAccount | undefined
}

/** Holds the data of a root user whose own data folder the server's account cannot reach. */
const sharedFolder = '/var/lib/taskfold'

/**
 * Makes the data folder if it is missing and answers where the server can work. That is the data folder; but for root, whose
 * data folder may lie below one that the server's account may not enter (a clone in a home with mode 700), it is a folder
 * below `elsewhere` that is named after a hash of its path. Nothing that existed before gets another mode or owner. Throws
 * StartupError with one line when there is no such place.
 */
export const openServerPlace = async (
  dataDir: string,
  logger: Logger,
  elsewhere: string = sharedFolder,
): Promise<ServerPlace> => {
  const asked = toPlace(await openFolder(resolve(dataDir)), await findServerAccount(clusterIn(dataDir)))
  const hash = createHash('sha256').update(asked.folder).digest('hex').slice(0, 16)
  const moved = join(elsewhere, hash)
  const wasMoved = asked.account !== undefined && !(await exists(asked.cluster)) && (await exists(clusterIn(moved)))
  if (!wasMoved && (await canEnter(asked.folder, asked.account))) return asked
  if (await exists(asked.cluster)) {
    throw new StartupError(`the data in ${asked.folder} are out of reach for ${asked.account?.name}, who owns them`)
  }
  await openFolder(elsewhere)
  const place = toPlace(await openFolder(moved), await findServerAccount(clusterIn(moved)))
  if (!(await canEnter(place.folder, place.account))) {
    throw new StartupError(`neither ${asked.folder} nor ${place.folder} is in reach for ${place.account?.name}`)
  }
  logger.warn(
    { asked: asked.folder, folder: place.folder, account: place.account?.name },
    'kept the data elsewhere, because the account of the database server may not enter the data folder',
  )
  return place
}

const clusterIn = (folder: string): string => join(folder, 'postgres')

const toPlace = (folder: string, account: ServerAccount | undefined): ServerPlace => ({
  folder,
  cluster: clusterIn(folder),
  account,
})

/** Whether something is there. A reason why it cannot be seen shows again, with a better message, when it is used. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

const openFolder = async (folder: string): Promise<string> => {
  try {
    // The umask may have locked out the server's account.
    if ((await makeFolder(folder)) === 'made') await chmod(folder, 0o755)
    await access(folder, constants.W_OK | constants.X_OK)
    return await realpath(folder)
  } catch (error) {
    throw toFolderError(folder, error)
  }
}

/** Not `mkdir` with `recursive`: where a parent exists and takes no folders (below /proc, say) Node tries for ever. */
const makeFolder = async (folder: string): Promise<'made' | 'found'> => {
  try {
    await mkdir(folder)
    return 'made'
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return 'found'
    if (code !== 'ENOENT' || (await exists(dirname(folder)))) throw error
    await makeFolder(dirname(folder))
    await mkdir(folder)
    return 'made'
  }
}

/** Makes a folder that only the server's account may enter. */
export const openPrivateFolder = async (folder: string, account: ServerAccount | undefined): Promise<void> => {
  try {
    await mkdir(folder, { mode: 0o700 })
    if (account !== undefined) await chown(folder, account.uid, account.gid)
  } catch (error) {
    throw toFolderError(folder, error)
  }
}

/** Why a folder cannot be used, in one line. */
export const toFolderError = (folder: string, error: unknown): StartupError => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const known: ReadonlyMap<unknown, string> = new Map([
    ['EACCES', 'permission denied'],
    ['ENOENT', 'it cannot be made'],
    ['EPERM', 'operation not permitted'],
    ['EROFS', 'the file system is read-only'],
    ['ENOSPC', 'no space is left'],
    ['ENOTDIR', 'a part of the path is no folder'],
    ['EEXIST', 'it is no folder'],
  ])
  const why = known.get(code) ?? (error instanceof Error ? error.message : String(error))
  return new StartupError(`the data folder ${folder} cannot be written: ${why}`, { cause: error })
}
