import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { processOptions } from '#adapters/postgres/embedded/cluster.ts'
import { findPostgresBinaries, type PostgresBinaries } from '#adapters/postgres/embedded/postgres-binaries.ts'
import { findServerAccount, type ServerAccount } from '#adapters/postgres/embedded/server-account.ts'
import { findFixedPort } from '../../support/postgres-server.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { removeFaketimeRemains, toFaketimeEnv } from '../../support/steppable-postgres.ts'
import { findFamily, openDisk, type ServerDisk } from './server-disk.ts'

/** A PostgreSQL of a campaign: its processes, its folder, its disk. */
export interface CampaignServer {
  readonly folder: string
  readonly port: number
  readonly disk: ServerDisk
  process: ChildProcess | undefined
}

/** Where the servers of a campaign live. */
export interface ServerPlace {
  readonly root: string
  readonly account: ServerAccount | undefined
  readonly binaries: PostgresBinaries
  readonly clockFile: string
}

export const user = 'taskfold'
export const readyDeadlineMs = 180_000
const pollMs = 50

const settings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  synchronous_commit: 'off',
  wal_level: 'replica',
  hot_standby: 'on',
  max_wal_senders: '4',
  wal_keep_size: '256MB',
  max_wal_size: '256MB',
  // A clock that leaps must not look like a silent peer.
  wal_sender_timeout: '0',
  wal_receiver_timeout: '0',
  wal_retrieve_retry_interval: '200ms',
  log_min_messages: 'panic',
}

export const openServerPlace = async (): Promise<ServerPlace> => {
  const account = await findServerAccount()
  const root = await mkdtemp(join(tmpdir(), 'taskfold-pair-'))
  await chmod(root, 0o755)
  if (account !== undefined) await chown(root, account.uid, account.gid)
  const binaries = await findPostgresBinaries({ account, copiesIn: root, logger: silentLogger })
  return { root, account, binaries, clockFile: join(root, 'clock') }
}

export const makeServer = async ({ root, account }: ServerPlace, name: string): Promise<CampaignServer> => {
  const folder = join(root, name)
  await mkdir(folder, { mode: 0o700 })
  if (account !== undefined) await chown(folder, account.uid, account.gid)
  const findPids = (): Promise<readonly number[]> => findServerPids(server)
  const disk = await openDisk(folder, account, findPids)
  const server: CampaignServer = { folder, port: await findFixedPort(), disk, process: undefined }
  return server
}

/** The processes of a server that runs, the postmaster first; none when it does not. */
export const findServerPids = async ({ process: child }: CampaignServer): Promise<readonly number[]> =>
  child?.pid === undefined || isOver(child) ? [] : findFamily(child.pid)

/** Starts it, unless it runs, and waits until it answers; one that ends meanwhile is started again. */
export const startServer = async (place: ServerPlace, server: CampaignServer): Promise<void> => {
  for (const endsAt = performance.now() + readyDeadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
    if (server.process === undefined || isOver(server.process)) server.process = spawnServer(place, server)
    if (await ask(server.port, 'select 1').catch(() => undefined)) return
  }
  throw new Error(`the server in ${server.folder} was not ready within ${readyDeadlineMs} ms`)
}

const spawnServer = (place: ServerPlace, { folder, port }: CampaignServer): ChildProcess => {
  const options = processOptions(place)
  const pairs = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return spawn(place.binaries.postgres, ['-D', folder, '-p', `${port}`, ...pairs], {
    ...options,
    env: { ...options.env, ...toFaketimeEnv(place.clockFile) },
    stdio: 'ignore',
  })
}

export const stopServer = async ({ process: child }: CampaignServer, signal: 'SIGQUIT' | 'SIGINT'): Promise<void> => {
  if (child === undefined || isOver(child)) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
  await removeFaketimeRemains(child.pid)
}

/** Ends a server and all that it kept. */
export const removeServer = async (server: CampaignServer): Promise<void> => {
  await stopServer(server, 'SIGQUIT')
  await server.disk.remove()
  await rm(server.folder, { recursive: true, force: true })
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

export const writeOwned = async ({ account }: ServerPlace, file: string, text: string): Promise<void> => {
  await writeFile(file, text, { mode: 0o600 })
  if (account !== undefined) await chown(file, account.uid, account.gid)
}

/** One statement on a connection of its own, straight to the server on that port. */
export const ask = async <Row extends pg.QueryResultRow>(port: number, statement: string): Promise<readonly Row[]> => {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user,
    database: 'postgres',
    connectionTimeoutMillis: 5_000,
    query_timeout: 300_000,
    application_name: 'campaign',
  })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(statement)).rows
  } finally {
    await client.end()
  }
}

export const run = (place: ServerPlace, program: string, args: readonly string[]) =>
  promisify(execFile)(program, [...args], { ...processOptions(place), maxBuffer: 16 * 1_048_576 })
