import { setTimeout as sleep } from 'node:timers/promises'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'
import { inBriefSession } from '../connection/brief-session.ts'
import { claimCluster, findClusterMajor, makeCluster, ownerRole, serverRole } from './cluster.ts'
import { lockFolder } from './folder-lock.ts'
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts'
import { clearPidFile, findPostmaster, type Postmaster, stopPostmaster } from './postmaster.ts'
import { openPasswords, replacePassword, toRolePassword } from './server-password.ts'
import { openServerPlace, type ServerPlace, toFolderError } from './server-place.ts'
import { askServer, awaitServer, removeSocketFolder, spawnServer, toServerAddress } from './server-process.ts'

/** A PostgreSQL that belongs to this process. Meant for trying out, tests and small installations on one machine. */
export interface EmbeddedPostgres {
  /** With the password in it: not for logs. */
  readonly address: DatabaseAddress
  readonly version: string
  /** Whether the server was running already: an earlier process was killed before it could stop it. */
  readonly adopted: boolean
  /** Stops the server, adopted or not, and gives up the data folder. Idempotent; never rejects. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  /** Holds everything the server keeps; made when missing. */
  readonly dataDir: string
  readonly logger: Logger
  /** Folders of programs to use instead of those that were installed. */
  readonly programs?: AsyncIterable<string>
}

const readyDeadlineMs = 60_000
const startAttemptsMax = 3
const restartDelayMs = 1_000
const pollMs = 100

interface Running extends Postmaster {
  readonly version: string
  /** Of the owner. */
  readonly password: string
  readonly adopted: boolean
  /** As in ServerProcess; undefined for a server that was adopted. */
  readonly ended?: Promise<string>
}

/** What adopting, starting and presenting a server need. */
interface ServerContext {
  readonly place: ServerPlace
  readonly binaries: PostgresBinaries
  /** Those that the owner may have. */
  readonly passwords: readonly string[]
  readonly logger: Logger
}

/**
 * Starts a PostgreSQL in `dataDir`, which listens on a socket that nobody else can reach, or adopts the one that is running
 * there because the process before this one was killed. The data stay between runs. The product's role owns its database and
 * has no other privilege; the passwords are new ones each time.
 *
 * One process at a time works in a data folder. As root the server runs as the owner of the data (else `postgres`, else
 * `nobody`), and where that account cannot reach the folder, in one below /var/lib/taskfold, which the log says.
 *
 * Throws StartupError, with one line, for a folder that is in use or cannot be written, data of another major version, no
 * PostgreSQL to run, and a server that is not ready within 60 s; nothing is left running then.
 */
export const startEmbeddedPostgres = async (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  const { logger } = options
  const place = await openServerPlace(options.dataDir, logger)
  const unlock = await lockFolder(place.folder)
  try {
    const context = await prepare(place, options)
    const running = (await adopt(context)) ?? (await start(context))
    return await present(context, running, unlock)
  } catch (error) {
    unlock()
    throw error instanceof Error && 'syscall' in error ? toFolderError(place.folder, error) : error
  }
}

const prepare = async (place: ServerPlace, { logger, programs }: EmbeddedPostgresOptions): Promise<ServerContext> => {
  const major = await findClusterMajor(place)
  const binaries = await findPostgresBinaries({
    account: place.account,
    copiesIn: place.folder,
    logger,
    major,
    ...(programs === undefined ? {} : { candidates: programs }),
  })
  const passwords = await openPasswords(place)
  if (major === undefined) await makeCluster(place, binaries)
  else await claimCluster(place)
  return { place, binaries, passwords, logger }
}

/** The server that is running already, once it answers; undefined when there is none, or it ends meanwhile. */
const adopt = async ({ place, passwords }: ServerContext): Promise<Running | undefined> => {
  for (const endsAt = performance.now() + readyDeadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
    const postmaster = await findPostmaster(place.cluster)
    if (postmaster === undefined) return undefined
    const answer = await askServer(postmaster, passwords)
    if (answer.kind === 'ready') {
      return { ...postmaster, version: answer.version, password: answer.password, adopted: true }
    }
    if (answer.kind === 'refused') throw toRefusal(place, answer.why)
  }
  throw new StartupError(`a PostgreSQL holds ${place.cluster} and did not answer within ${readyDeadlineMs / 1_000} s`)
}

/**
 * Tries up to three times: another process may take the port between its choice and its use, a killed server and its sessions
 * need a moment to end, and the pid in its file may belong to another process by now.
 */
const start = async ({ place, binaries, passwords, logger }: ServerContext): Promise<Running> => {
  for (let attempt = 1; ; attempt += 1) {
    const server = await spawnServer(place, binaries)
    const answer = await awaitServer(server, passwords, readyDeadlineMs)
    if (answer.kind === 'ready') {
      return { ...server, version: answer.version, password: answer.password, adopted: false }
    }
    await stopPostmaster(server, place, binaries, logger)
    if (answer.kind === 'refused') throw toRefusal(place, answer.why)
    if (attempt === startAttemptsMax || !/sockets|in use|already exists/.test(answer.why)) {
      throw new StartupError(`the PostgreSQL in ${place.folder} did not start: ${answer.why}`)
    }
    await sleep(restartDelayMs)
    await clearPidFile(place.cluster)
  }
}

const toRefusal = ({ folder }: ServerPlace, why: string): StartupError =>
  new StartupError(
    `the PostgreSQL in ${folder} refused us: ${why} (if it was made before the first release, remove the folder)`,
  )

const present = async (context: ServerContext, running: Running, unlock: () => void): Promise<EmbeddedPostgres> => {
  const { place, binaries, logger } = context
  const { pid, host, port, version, adopted } = running
  let password: string
  try {
    password = await prepareDatabase(place, running)
  } catch (error) {
    await stopPostmaster(running, place, binaries, logger)
    throw new StartupError(`the PostgreSQL in ${place.folder} has no database for us`, { cause: error })
  }
  const fields = { version, host, port, serverPid: pid, folder: place.folder, account: place.account?.name }
  logger.info(
    fields,
    adopted ? 'adopted the embedded PostgreSQL that was left running' : 'started the embedded PostgreSQL',
  )
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    await stopPostmaster(running, place, binaries, logger)
    await removeSocketFolder(running)
    unlock()
    logger.info({ serverPid: pid }, 'stopped the embedded PostgreSQL')
  }
  void running.ended?.then((why) => {
    if (stopped === undefined)
      logger.error({ serverPid: pid, why }, 'lost the embedded PostgreSQL: restart to have it back')
  })
  return {
    address: toServerAddress(running, { user: serverRole, password }, serverRole),
    version,
    adopted,
    stop: () => (stopped ??= stop()),
  }
}

/**
 * Makes the role of the product, and its database, which bears its name. Made here, not with the cluster: a start may have
 * ended between the two. Answers the role's password.
 */
const prepareDatabase = (place: ServerPlace, running: Running): Promise<string> => {
  const address = toServerAddress(running, { user: ownerRole, password: running.password }, 'postgres')
  return inBriefSession({ address, applicationName: 'taskfold start', ...databaseDeadlines }, async (client) => {
    const owner = await replacePassword(place, async (password) => {
      await client.query(`alter role ${ownerRole} password '${password}'`)
    })
    const password = toRolePassword(owner, serverRole)
    const roles = await client.query('select from pg_roles where rolname = $1', [serverRole])
    if (roles.rowCount === 0) await client.query(`create role ${serverRole}`)
    await client.query(`alter role ${serverRole} with ${privileges} password '${password}'`)
    const databases = await client.query('select from pg_database where datname = $1', [serverRole])
    if (databases.rowCount === 0) await client.query(`create database ${serverRole} owner ${serverRole}`)
    return password
  })
}

const privileges = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls'

const databaseDeadlines = { connectDeadlineMs: 5_000, workDeadlineMs: 30_000 } as const
