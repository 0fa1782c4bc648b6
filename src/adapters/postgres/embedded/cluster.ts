import { execFile } from 'node:child_process'
import { readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { passwordFile } from './server-password.ts'
import { exists, openPrivateFolder, type ServerPlace } from './server-place.ts'

/** The superuser of an embedded server, which makes what the product works in. */
export const ownerRole = 'postgres'
/** The role of the product, and its database: it owns what is in there, and may do nothing else. */
export const serverRole = 'taskfold'

const initDeadlineMs = 120_000

/** The major version that made the cluster, or undefined when there is no cluster yet. Throws StartupError for a folder that is none. */
export const findClusterMajor = async ({ cluster }: ServerPlace): Promise<number | undefined> => {
  if (!(await exists(cluster))) return undefined
  const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => '')
  const major = Number.parseInt(version, 10)
  if (Number.isInteger(major)) return major
  throw new StartupError(`${cluster} holds no PostgreSQL data: no PG_VERSION could be read there`)
}

/** Makes the cluster: UTF-8, C locale, checksums, scram. A rename makes it appear complete or not at all. Needs the password. */
export const makeCluster = async (place: ServerPlace, binaries: PostgresBinaries): Promise<void> => {
  const unfinished = `${place.cluster}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await openPrivateFolder(unfinished, place.account)
  const args = [
    `--pgdata=${unfinished}`,
    `--username=${ownerRole}`,
    `--pwfile=${passwordFile(place)}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--data-checksums',
  ]
  try {
    await promisify(execFile)(binaries.initdb, args, { ...processOptions(place), timeout: initDeadlineMs })
  } catch (error) {
    const why = explainNamelessAccount(error) ?? lastLineOf(error)
    throw new StartupError(`PostgreSQL could not make ${place.cluster}: ${why}`, { cause: error })
  }
  await rename(unfinished, place.cluster)
}

/** Gives a cluster that belongs to root (it was copied or restored by root) to the server's account; leaves all others alone. */
export const claimCluster = async ({ cluster, account }: ServerPlace): Promise<void> => {
  if (account === undefined || (await stat(cluster)).uid !== 0) return
  try {
    await promisify(execFile)('chown', ['-hR', `${account.uid}:${account.gid}`, cluster])
  } catch (error) {
    throw new StartupError(`${cluster} belongs to root and could not be given to ${account.name}`, { cause: error })
  }
}

/** How programs of PostgreSQL run: as the server's account, from a folder that it may enter, without this process's environment. */
export const processOptions = ({ account }: Pick<ServerPlace, 'account'>) => ({
  cwd: '/',
  env: { LC_ALL: 'C', TZ: 'UTC' },
  windowsHide: true,
  ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
})

/** As in a container that runs under a number of its host's choosing. `initdb` asks for the name, whatever name it is given. */
const explainNamelessAccount = (error: unknown): string | undefined => {
  const number = /could not look up effective user ID (\d+)/.exec(readSaid(error))?.[1]
  return number === undefined
    ? undefined
    : `the account with the number ${number} has no name on this system, and PostgreSQL wants one: add a line for it to ` +
        '/etc/passwd, start as another user, or set DATABASE_URL'
}

const readSaid = (error: unknown): string =>
  error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''

const lastLineOf = (error: unknown): string => {
  const lines = readSaid(error)
    .split('\n')
    .filter((text) => text !== '')
  const line = lines.findLast((text) => /error|fatal/i.test(text)) ?? lines.at(-1)
  return line ?? (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
}
