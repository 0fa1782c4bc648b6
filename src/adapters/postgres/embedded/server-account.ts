import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StartupError } from '#application/diagnosis/startup-error.ts'

/** The account that the server runs as. */
export interface ServerAccount {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * The account for the server, or undefined when that is the account of this process.
 *
 * PostgreSQL refuses to run as root. An existing cluster keeps its owner; a new one belongs to `postgres`, or else to
 * `nobody`. Throws StartupError when the system has neither account.
 */
export const findServerAccount = async (cluster?: string): Promise<ServerAccount | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  const accounts = await readAccounts()
  const owner = cluster === undefined ? undefined : await stat(cluster).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) {
    const name = accounts.find(({ uid }) => uid === owner.uid)?.name ?? `${owner.uid}`
    return { name, uid: owner.uid, gid: owner.gid }
  }
  const account = ['postgres', 'nobody'].map((wanted) => accounts.find(({ name }) => name === wanted)).find(Boolean)
  if (account === undefined) {
    throw new StartupError('PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as')
  }
  return account
}

const readAccounts = async (): Promise<readonly ServerAccount[]> => {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')
  return lines
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => Number.isInteger(uid) && uid > 0 && Number.isInteger(gid) && gid >= 0)
}

/** Whether `account` may enter `folder` and every folder above it. Goes by modes; access control lists are not read. */
export const canEnter = async (folder: string, account: ServerAccount | undefined): Promise<boolean> => {
  if (account === undefined) return true
  for (let at = await realpath(folder); ; at = dirname(at)) {
    if (!(await allows(at, account, 0o1))) return false
    if (at === dirname(at)) return true
  }
}

/** Whether `account` may read and execute the file, and enter the folders above it. */
export const canExecute = async (file: string, account: ServerAccount | undefined): Promise<boolean> => {
  if (account === undefined) return true
  return (await canEnter(dirname(file), account)) && (await allows(file, account, 0o5))
}

const allows = async (path: string, { uid, gid }: ServerAccount, bits: number): Promise<boolean> => {
  const stats = await stat(path)
  const shift = stats.uid === uid ? 6 : stats.gid === gid ? 3 : 0
  return ((stats.mode >> shift) & bits) === bits
}
