import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'
import { findLikeNamed } from './module-fault.ts'
import { packageSpecifier } from './module-hooks.ts'

/** One module to be imported, and its name in messages. */
export interface EntryModule {
  readonly name: string
  readonly specifier: string
}

const taskFile = /^tasks\.(ts|mts|js|mjs)$/
const foldersMax = 100

/**
 * Finds the modules that one entry of HANDLERS stands for, as `loadHandlers` describes it, in the order of their names. An
 * entry that neither exists on disk nor looks like a path is the name of a package.
 *
 * Throws ConfigurationError for a path that does not exist, and for a folder without a task module or with over 100 folders.
 */
export const findEntryModules = async (entry: string, cwd: string): Promise<readonly EntryModule[]> => {
  const path = toPath(entry, cwd)
  const kind = await kindOf(path)
  if (kind === 'folder') return findInFolder(entry, path)
  if (kind === 'file') return [{ name: entry, specifier: pathToFileURL(path).href }]
  if (!looksLikePath(entry)) return [{ name: entry, specifier: packageSpecifier(entry, cwd) }]
  const meant = findLikeNamed(path)
  const hint = meant === undefined ? '' : `; there is ${meant}`
  throw new ConfigurationError([`HANDLERS: ${entry} could not be loaded: there is no such file or folder${hint}`])
}

const toPath = (entry: string, cwd: string): string => {
  if (!entry.startsWith('file:')) return resolve(cwd, entry)
  try {
    return fileURLToPath(entry)
  } catch (error) {
    throw new ConfigurationError([`HANDLERS: ${entry} is no URL of a file`], { cause: error })
  }
}

const looksLikePath = (entry: string): boolean => /^(\.{0,2}[/\\]|[A-Za-z]:|\.{1,2}$)|\.[cm]?[jt]s$/.test(entry)

const kindOf = async (path: string): Promise<'file' | 'folder' | 'nothing'> => {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch {
    return 'nothing'
  }
}

const findInFolder = async (entry: string, folder: string): Promise<readonly EntryModule[]> => {
  const inside = await listFolder(entry, folder)
  const folders = inside.filter((item) => item.isDirectory() && !/^(\.|node_modules$)/.test(item.name))
  if (folders.length > foldersMax) throw new ConfigurationError([`HANDLERS: ${entry} holds over ${foldersMax} folders`])
  const nested = await Promise.all(folders.map(({ name }) => listFolder(entry, join(folder, name))))
  const files = [...inside, ...nested.flat()]
    .filter((item) => !item.isDirectory() && taskFile.test(item.name))
    .map((item) => join(item.parentPath, item.name))
    .sort()
  if (files.length > 0) return files.map((file) => ({ name: file, specifier: pathToFileURL(file).href }))
  throw new ConfigurationError([
    `HANDLERS: the folder ${entry} holds no task module: it is called tasks.ts (or .mts, .js, .mjs), in the folder or in one directly in it`,
  ])
}

const listFolder = async (entry: string, folder: string) => {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    throw new ConfigurationError([`HANDLERS: the folder ${entry} could not be read`], { cause: error })
  }
}
