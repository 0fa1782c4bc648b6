import { spawn } from 'node:child_process'
import { chown, mkdtemp, open, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { inBriefSession } from '../connection/brief-session.ts'
import { ownerRole, processOptions } from './cluster.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { loopback, type ServerLocation } from './postmaster.ts'
import { openPrivateFolder, ownFlags, type ServerPlace, toFolderError } from './server-place.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'

/** A server process that this process started. */
export interface ServerProcess extends ServerLocation {
  readonly pid: number
  /** Resolves when it has ended, with the first error that it logged in this life, or 'it ended'. */
  readonly ended: Promise<string>
}

const logBytesMax = 10 * 1024 * 1024
const logTailBytes = 4_096
const answerDeadlineMs = 2_000
const pollMs = 25

/** Every setting that matters is given here, so that an edited or older configuration file cannot change a promise. */
export const serverSettings: Readonly<Record<string, string>> = {
  listen_addresses: loopback,
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  max_connections: '100',
  shared_buffers: '128MB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // Nothing replicates from an embedded server.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '1GB',
  // PostgreSQL's own choice from 512 MB of shared buffers on. The 4 MB that it would choose here fill up between two commits.
  wal_buffers: '16MB',
  // Statements and details of errors may hold payloads.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
  logging_collector: 'off',
}

export const toServerArguments = (
  cluster: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): readonly string[] => [
  '-D',
  cluster,
  '-p',
  `${port}`,
  ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
]

interface SignIn {
  readonly user: string
  readonly password: string
}

/** The address of a server of ours: on this machine, without TLS. */
export const toServerAddress = (
  { host, port }: ServerLocation,
  { user, password }: SignIn,
  database: string,
): DatabaseAddress => ({
  host,
  certificateHost: host,
  port,
  database,
  user,
  password,
  // A space says nothing to the server, and keeps node-postgres from reading PGOPTIONS, which is meant for other databases.
  options: ' ',
  applicationName: undefined,
  connectTimeoutMs: undefined,
  tls: undefined,
})

/**
 * Starts the server in a session of its own, so that a terminal's Ctrl-C reaches this process, which must drain while the
 * server still runs, but not the server. The server logs to `postgres.log`, which is emptied first when it exceeds 10 MiB.
 */
export const spawnServer = async (place: ServerPlace, binaries: PostgresBinaries): Promise<ServerProcess> => {
  const location = await findLocation(place)
  const logFile = join(place.folder, 'postgres.log')
  const { log, size } = await openLog(logFile)
  try {
    const child = spawn(binaries.postgres, toServerArguments(place.cluster, location.port, toSettings(location)), {
      ...processOptions(place),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    child.unref()
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('exit', () => void lastComplaint(logFile, size).then(resolve))
    })
    if (child.pid === undefined) throw new StartupError(`PostgreSQL did not start: ${await ended}`)
    return { pid: child.pid, host: location.host, port: location.port, ended }
  } finally {
    await log.close()
  }
}

/**
 * Nobody else can listen in a folder that is closed to them, before a server starts as after it has died; a port is anybody's.
 * So a server listens on a socket, and on a port only where the system has no such sockets.
 */
const findLocation = async (place: ServerPlace): Promise<ServerLocation> =>
  process.platform === 'win32'
    ? { host: loopback, port: await findFreePort() }
    : { host: await makeSocketFolder(place), port: socketPort }

/** It is part of the name of the socket only. */
const socketPort = 5_432
/** What a socket's path may have on every system, with the name of the socket. */
const socketFolderLengthMax = 103 - `/.s.PGSQL.${socketPort}`.length

const makeSocketFolder = async (place: ServerPlace): Promise<string> => {
  const folder = join(place.folder, 'socket')
  await rm(folder, { recursive: true, force: true })
  if (Buffer.byteLength(folder) <= socketFolderLengthMax) {
    await openPrivateFolder(folder, place.account)
    return folder
  }
  const short = await mkdtemp(join(tmpdir(), 'taskfold-'))
  if (place.account !== undefined) await chown(short, place.account.uid, place.account.gid)
  return short
}

/** Removes the folder of a socket whose server has stopped. */
export const removeSocketFolder = async ({ host }: ServerLocation): Promise<void> => {
  if (host !== loopback) await rm(host, { recursive: true, force: true })
}

const toSettings = ({ host }: ServerLocation): Readonly<Record<string, string>> =>
  host === loopback
    ? serverSettings
    : { ...serverSettings, listen_addresses: '', unix_socket_directories: host, unix_socket_permissions: '0600' }

/** A port that was free a moment ago. */
const findFreePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port)
        else reject(new Error('no port was given'))
      })
    })
  })

const openLog = async (file: string) => {
  try {
    const log = await open(file, ownFlags.append, 0o600)
    const { size } = await log.stat()
    if (size > logBytesMax) await log.truncate()
    return { log, size: size > logBytesMax ? 0 : size }
  } catch (error) {
    throw toFolderError(file, error)
  }
}

const lastComplaint = async (file: string, from: number): Promise<string> => {
  const log = await open(file).catch(() => undefined)
  if (log === undefined) return 'it ended'
  try {
    const { buffer, bytesRead } = await log.read({ buffer: Buffer.alloc(logTailBytes), position: from })
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n')
    return lines.find((line) => /FATAL|PANIC|error/.test(line))?.replace(/^.*?(FATAL|PANIC): +/, '') ?? 'it ended'
  } finally {
    await log.close()
  }
}

export type ServerAnswer =
  | { readonly kind: 'ready'; readonly version: string; readonly password: string }
  /** It does not answer yet, or no more. */
  | { readonly kind: 'silent'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string }

/** Asks a server for its version, which shows whether it accepts one of the passwords of its owner. */
export const askServer = async (location: ServerLocation, passwords: readonly string[]): Promise<ServerAnswer> => {
  let answer: ServerAnswer = { kind: 'refused', why: 'there is no password' }
  for (const password of passwords) {
    answer = await askWith(location, password)
    if (answer.kind !== 'refused') return answer
  }
  return answer
}

const askWith = async (location: ServerLocation, password: string): Promise<ServerAnswer> => {
  const session = {
    address: toServerAddress(location, { user: ownerRole, password }, 'postgres'),
    applicationName: 'taskfold start',
    connectDeadlineMs: answerDeadlineMs,
    workDeadlineMs: answerDeadlineMs,
  }
  try {
    const { rows } = await inBriefSession(session, (client) =>
      client.query<{ version: string }>(`select current_setting('server_version') as version`),
    )
    return { kind: 'ready', version: rows[0]?.version.split(' ')[0] ?? 'unknown', password }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const isRefusal = error instanceof pg.DatabaseError && error.code?.startsWith('28') === true
    return { kind: isRefusal ? 'refused' : 'silent', why }
  }
}

/** Asks until the server is ready, has refused or ended, or the time is over. */
export const awaitServer = async (
  server: Pick<ServerProcess, 'host' | 'port' | 'ended'>,
  passwords: readonly string[],
  deadlineMs: number,
): Promise<ServerAnswer> => {
  let end: string | undefined
  void server.ended.then((why) => (end = why))
  let answer: ServerAnswer = { kind: 'silent', why: 'it was not asked' }
  for (const endsAt = performance.now() + deadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
    answer = await askServer(server, passwords)
    if (answer.kind !== 'silent') return answer
    if (end !== undefined) return { kind: 'silent', why: end }
  }
  return answer
}
