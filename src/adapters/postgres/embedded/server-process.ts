import { spawn } from 'node:child_process'
import { open, stat, truncate } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { inBriefSession } from '../connection/brief-session.ts'
import { processOptions, serverRole } from './cluster.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { type ServerPlace, toFolderError } from './server-place.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'

/** A server process that this process started. */
export interface ServerProcess {
  readonly pid: number
  readonly port: number
  /** Resolves when it has ended, with the first error that it logged in this life, or 'it ended'. */
  readonly ended: Promise<string>
}

const logBytesMax = 10 * 1024 * 1024
const logTailBytes = 4_096
const answerDeadlineMs = 2_000
const pollMs = 25

/** Every setting that matters is given here, so that an edited or older configuration file cannot change a promise. */
export const serverSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
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

/** The address of a server of ours: on loopback, without TLS. */
export const toServerAddress = (port: number, password: string, database: string): DatabaseAddress => ({
  host: '127.0.0.1',
  certificateHost: '127.0.0.1',
  port,
  database,
  user: serverRole,
  password,
  // A space says nothing to the server, and keeps node-postgres from reading PGOPTIONS, which is meant for other databases.
  options: ' ',
  applicationName: undefined,
  connectTimeoutMs: undefined,
  tls: undefined,
})

/** The same for other programs. */
export const toServerUrl = (port: number, password: string, database: string): string =>
  `postgres://${serverRole}:${password}@127.0.0.1:${port}/${database}`

/**
 * Starts the server in a session of its own, so that a terminal's Ctrl-C reaches this process, which must drain while the
 * server still runs, but not the server. The server logs to `postgres.log`, which is emptied first when it exceeds 10 MiB.
 */
export const spawnServer = async (place: ServerPlace, binaries: PostgresBinaries): Promise<ServerProcess> => {
  const port = await findFreePort()
  const logFile = join(place.folder, 'postgres.log')
  const { log, size } = await openLog(logFile)
  try {
    const child = spawn(binaries.postgres, toServerArguments(place.cluster, port, serverSettings), {
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
    return { pid: child.pid, port, ended }
  } finally {
    await log.close()
  }
}

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
    const size = await stat(file).then(
      (stats) => stats.size,
      () => 0,
    )
    if (size > logBytesMax) await truncate(file)
    return { log: await open(file, 'a', 0o600), size: size > logBytesMax ? 0 : size }
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
  | { readonly kind: 'ready'; readonly version: string }
  /** It does not answer yet, or no more. */
  | { readonly kind: 'silent'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string }

/** Asks a server for its version, which shows whether it accepts the password. */
export const askServer = async (port: number, password: string): Promise<ServerAnswer> => {
  const session = {
    address: toServerAddress(port, password, 'postgres'),
    applicationName: 'taskfold start',
    connectDeadlineMs: answerDeadlineMs,
    workDeadlineMs: answerDeadlineMs,
  }
  try {
    const { rows } = await inBriefSession(session, (client) =>
      client.query<{ version: string }>(`select current_setting('server_version') as version`),
    )
    return { kind: 'ready', version: rows[0]?.version.split(' ')[0] ?? 'unknown' }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const isRefusal = error instanceof pg.DatabaseError && error.code?.startsWith('28') === true
    return { kind: isRefusal ? 'refused' : 'silent', why }
  }
}

/** Asks until the server is ready, has refused or ended, or the time is over. */
export const awaitServer = async (
  { port, ended }: Pick<ServerProcess, 'port' | 'ended'>,
  password: string,
  deadlineMs: number,
): Promise<ServerAnswer> => {
  let end: string | undefined
  void ended.then((why) => (end = why))
  let answer: ServerAnswer = { kind: 'silent', why: 'it was not asked' }
  for (const endsAt = performance.now() + deadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
    answer = await askServer(port, password)
    if (answer.kind !== 'silent') return answer
    if (end !== undefined) return { kind: 'silent', why: end }
  }
  return answer
}
