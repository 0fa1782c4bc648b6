import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { toFolderError } from './server-place.ts'

/** Held locks stay referenced until they are released: a connection that is collected is closed, and lets go. */
const held = new Set<DatabaseSync>()

/** SQLite's result code for a lock that another connection holds. */
const busy = 5

/**
 * Makes this process the only one that works in `folder`; answers what gives it up again.
 *
 * Node has no flock. SQLite, which comes with it, has an equal: an exclusive transaction locks its (empty) file, and the
 * kernel takes the lock back however the process ends, so none is ever stale, and none is broken by a pid that was given
 * out again or means another process in another container, as a file with a pid in it would be. The pid beside the lock is
 * only for people.
 *
 * Throws StartupError when another process, or another caller in this one, holds it.
 */
export const lockFolder = async (folder: string): Promise<() => void> => {
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite === undefined) throw new StartupError('this Node was built without SQLite, which locks the data folder')
  const ownerFile = join(folder, 'owner')
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
    await writeFile(ownerFile, `${process.pid}\n`)
  } catch (error) {
    release()
    throw toFolderError(folder, error)
  }
  return release
}

const openLock = (Database: typeof DatabaseSync, folder: string): DatabaseSync => {
  try {
    return new Database(join(folder, 'lock'), { timeout: 0 })
  } catch (error) {
    throw toFolderError(folder, error)
  }
}

const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === busy
