import { createHmac, randomBytes } from 'node:crypto'
import { chown, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { exists, ownFlags, type ServerPlace, toFolderError } from './server-place.ts'

/**
 * The passwords that the owner of a server may have, the likeliest first: a process that ended while it replaced one has left
 * two. Minted when there is none. Only the server's account and root can read their files.
 *
 * Throws StartupError when the cluster exists and its password is gone.
 */
export const openPasswords = async (place: ServerPlace): Promise<readonly string[]> => {
  const kept = await Promise.all([passwordFile(place), nextFile(place)].map(readPassword))
  const passwords = kept.filter((password) => password !== '')
  if (passwords.length > 0) return passwords
  if (await exists(place.cluster)) {
    throw new StartupError(
      `${place.cluster} cannot be opened without its password, and ${passwordFile(place)} could not be read or is empty`,
    )
  }
  const password = mintPassword()
  await writePassword(place, passwordFile(place), password)
  return [password]
}

/**
 * Gives the owner another password, which `tell` tells the server: what was read or overheard before opens nothing any more.
 * Written down before and after, so that the end of this process in between loses none. Answers the new one.
 */
export const replacePassword = async (
  place: ServerPlace,
  tell: (password: string) => Promise<void>,
): Promise<string> => {
  const password = mintPassword()
  await writePassword(place, nextFile(place), password)
  await tell(password)
  await rename(nextFile(place), passwordFile(place))
  return password
}

/** The password of a role that has no file of its own. */
export const toRolePassword = (ownerPassword: string, role: string): string =>
  createHmac('sha256', ownerPassword).update(role).digest('base64url')

export const passwordFile = ({ folder }: Pick<ServerPlace, 'folder'>): string => join(folder, 'postgres-password')
const nextFile = (place: ServerPlace): string => `${passwordFile(place)}.next`

const mintPassword = (): string => randomBytes(24).toString('base64url')

const readPassword = async (file: string): Promise<string> => {
  const handle = await open(file, ownFlags.read).catch(() => undefined)
  if (handle === undefined) return ''
  try {
    return (await handle.readFile('utf8')).trim()
  } finally {
    await handle.close()
  }
}

const writePassword = async ({ folder, account }: ServerPlace, file: string, password: string): Promise<void> => {
  try {
    await rm(file, { force: true })
    const handle = await open(file, 'wx', 0o600)
    try {
      await handle.writeFile(`${password}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (account !== undefined) await chown(file, account.uid, account.gid)
  } catch (error) {
    throw toFolderError(folder, error)
  }
}
