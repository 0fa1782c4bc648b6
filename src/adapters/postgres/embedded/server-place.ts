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

/**
 * Flags for the files in a data folder: a link is never followed, since whoever put it there, perhaps before the folder was
 * refused to others, chose what it leads to.
 */
export const ownFlags = {
  read: constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0),
  write: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0),
  append: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0),
} as const

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
    const real = await realpath(folder)
    await assertOwn(real)
    return real
  } catch (error) {
    throw error instanceof StartupError ? error : toFolderError(folder, error)
  }
}

/**
 * Whoever owns a folder, or may write in it or where it lies, decides what is in it: this process would run on data, and write
 * to files, of their choice, as root perhaps.
 */
const assertOwn = async (folder: string): Promise<void> => {
  const self = process.getuid?.()
  if (self === undefined) return
  const { uid, mode } = await stat(folder)
  if (uid !== self) throw refused(folder, `it belongs to another user (${uid})`)
  if ((mode & 0o022) !== 0) throw refused(folder, 'others may write in it (chmod go-w)')
  for (let at = dirname(folder); ; at = dirname(at)) {
    const around = await stat(at)
    const isSticky = (around.mode & 0o1000) !== 0
    if ((around.mode & 0o002) !== 0 && !isSticky) throw refused(folder, `everybody may write in ${at}`)
    if (at === dirname(at)) return
  }
}

const refused = (folder: string, why: string): StartupError =>
  new StartupError(`the data folder ${folder} is not trusted: ${why}`)

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
    ['ELOOP', 'a file in it is a link'],
  ])
  const why = known.get(code) ?? (error instanceof Error ? error.message : String(error))
  return new StartupError(`the data folder ${folder} cannot be written: ${why}`, { cause: error })
}
