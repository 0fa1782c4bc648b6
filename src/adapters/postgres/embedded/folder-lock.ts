import { lstat, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { ownFlags, toFolderError } from './server-place.ts'

/** Keeps held locks referenced until they are released: a connection that is garbage-collected closes and frees its lock. */
const held = new Set<DatabaseSync>()

/** SQLite's result code for a lock that another connection holds. */
const busy = 5

/**
 * Makes this process the only one that works in `folder`. Answers the function that releases the lock.
 *
 * Node has no flock, but brings SQLite: an exclusive transaction locks its (empty) file, and the kernel releases the lock
 * however the process ends. So no lock is ever stale. A file with a pid would be: the pid may be given out again, or mean
 * another process in another container. The pid in the file `owner` is for people only.
 *
 * Throws StartupError when another process, or another caller in this one, holds the lock.
 */
export const lockFolder = async (folder: string): Promise<() => void> => {
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite === undefined) throw new StartupError('this Node was built without SQLite, which locks the data folder')
  const ownerFile = join(folder, 'owner')
  await assertNoLink(folder, 'lock')
  const lock = openLock(sqlite.DatabaseSync, folder)
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw toFolderError(folder, error)
    const owner = (await readFile(ownerFile, 'utf8').catch(() => '')).trim()
    throw new StartupError(`the data folder ${folder} is already in use by process ${owner === '' ? 'unknown' : owner}`)
  }
  held.add(lock)
  const release = (): void => {
    if (held.delete(lock)) lock.close()
  }
  try {
    await writeFile(ownerFile, `${process.pid}\n`, { flag: ownFlags.write })
  } catch (error) {
    release()
    throw toFolderError(folder, error)
  }
  return release
}

/** SQLite follows links. */
const assertNoLink = async (folder: string, file: string): Promise<void> => {
  const stats = await lstat(join(folder, file)).catch(() => undefined)
  if (stats?.isSymbolicLink() === true)
    throw new StartupError(`the data folder ${folder} is not trusted: ${file} is a link`)
}

const openLock = (Database: typeof DatabaseSync, folder: string): DatabaseSync => {
  try {
    return new Database(join(folder, 'lock'), { timeout: 0 })
  } catch (error) {
    throw toFolderError(folder, error)
  }
}

const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === busy
