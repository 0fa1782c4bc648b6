import { execFile } from 'node:child_process'
import { readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { openBundledBinaries } from './bundled-binaries.ts'
import type { ServerAccount } from './server-account.ts'

/** Programs that have answered with their version. */
export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
  readonly pgCtl: string
  /** Such as `18.4`. */
  readonly version: string
  readonly major: number
}

export interface BinariesRequest {
  /** The account of the server; undefined when it is this process's own. */
  readonly account: ServerAccount | undefined
  /** The folder that bundled programs are copied to when they cannot be used in place. */
  readonly copiesIn: string
  readonly logger: Logger
  /** Only this major version will do. */
  readonly major?: number | undefined
  /** Folders of programs, in the order in which they are tried. Without it: the bundled ones, then those of the system. */
  readonly candidates?: AsyncIterable<string>
}

const oldestMajor = 15

/** How long a program may take to answer with its version. */
const versionDeadlineMs = 10_000

/**
 * The first PostgreSQL that runs here, is not too old and, where it matters, of the right major version: the one bundled
 * for this platform, then the system's by PATH, then Debian's versioned folders, newest first.
 *
 * Throws StartupError when there is none, naming what was found instead.
 */
export const findPostgresBinaries = async (request: BinariesRequest): Promise<PostgresBinaries> => {
  const found: string[] = []
  for await (const folder of request.candidates ?? listCandidates(request)) {
    const binaries = await probeBinaries(folder)
    if (binaries === undefined || found.includes(binaries.version)) continue
    if (binaries.major === (request.major ?? Math.max(binaries.major, oldestMajor))) return binaries
    found.push(binaries.version)
  }
  const seen = found.length === 0 ? 'none was found' : `found: ${found.join(', ')}`
  throw new StartupError(
    request.major === undefined
      ? `no PostgreSQL ${oldestMajor} or later to run here (${seen}): install one, or set DATABASE_URL`
      : `the data were made by PostgreSQL ${request.major}, and only that version can read them (${seen})`,
  )
}

async function* listCandidates(request: BinariesRequest): AsyncGenerator<string> {
  const bundled = await openBundledBinaries(request)
  if (bundled !== undefined) yield bundled
  const onPath = await findOnPath('initdb')
  if (onPath !== undefined) yield dirname(onPath)
  yield* await listDebianFolders('/usr/lib/postgresql')
}

/** Debian installs several versions side by side, none of them on the PATH. */
const listDebianFolders = async (root: string): Promise<readonly string[]> => {
  const versions = (await readdir(root).catch(() => [])).filter((name) => /^\d+$/.test(name))
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, 'bin'))
}

/** Follows links: the other programs lie beside the real one. */
const findOnPath = async (program: string): Promise<string | undefined> => {
  const path = await outputOf('/bin/sh', ['-c', `command -v ${program}`])
  return path === undefined || path === '' ? undefined : realpath(path).catch(() => undefined)
}

const probeBinaries = async (folder: string): Promise<PostgresBinaries | undefined> => {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const [initdb, postgres, pgCtl] = ['initdb', 'postgres', 'pg_ctl'].map((name) => join(folder, name + suffix))
  if (initdb === undefined || postgres === undefined || pgCtl === undefined) return undefined
  // A missing library, or a C library that is too old or another one, shows only when a program runs.
  const said = (await outputOf(initdb, ['--version'])) && (await outputOf(postgres, ['--version']))
  const version = said?.match(/\(PostgreSQL\) (\d+[.\w]*)/)?.[1]
  if (version === undefined) return undefined
  return { initdb, postgres, pgCtl, version, major: Number.parseInt(version, 10) }
}

/** What a program wrote, trimmed; undefined when it did not run, failed or took too long. */
const outputOf = (program: string, args: readonly string[]): Promise<string | undefined> =>
  new Promise((resolve) => {
    execFile(program, args, { timeout: versionDeadlineMs, windowsHide: true }, (error, stdout) => {
      resolve(error === null ? stdout.trim() : undefined)
    })
  })
