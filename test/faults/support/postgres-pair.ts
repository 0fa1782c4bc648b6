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
import { toFaketimeEnv, writeClockOffset } from '../../support/steppable-postgres.ts'
import { type CutProxy, startCutProxy } from './cut-proxy.ts'

/**
 * A PostgreSQL that one other follows asynchronously, both by one clock that can be set. They keep no promise that they are
 * not asked for: `synchronous_commit` is off unless a transaction says otherwise.
 */
export interface PostgresPair {
  /** By way of the proxy; the same whichever server leads. */
  readonly url: string
  /** All that the product sends to the server passes here. */
  readonly proxy: CutProxy
  /** Straight to the server that leads. */
  readonly query: Query
  /** Sets the clock of both that far ahead of the machine's; behind it when negative. In whole seconds. */
  setClock(aheadMs: number): Promise<void>
  /** Ends the leader without a checkpoint, and starts it again after `awayMs`. */
  crash(awayMs: number): Promise<void>
  /**
   * The leader is gone for ever and its follower leads. With a `lagMs`, without what was committed in that time before; with
   * 0 nothing is missing. `onPromoted` comes before any process can reach the new leader. Then a new follower is made.
   */
  promote(lagMs: number, onPromoted: OnPromoted): Promise<void>
  remove(): Promise<void>
}

/** Answers the rows of one statement; what they hold is the caller's to know. */
export type Query = <Row extends pg.QueryResultRow>(statement: string) => Promise<readonly Row[]>

/** `keptUntilMs`: what was acknowledged before that instant of `performance.now` is there. */
export type OnPromoted = (query: Query, keptUntilMs: number) => Promise<void>

interface Server {
  readonly folder: string
  readonly port: number
  process: ChildProcess | undefined
}

interface Place {
  readonly root: string
  readonly account: ServerAccount | undefined
  readonly binaries: PostgresBinaries
  readonly clockFile: string
}

const readyDeadlineMs = 60_000
const pollMs = 25
const user = 'taskfold'

const settings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  synchronous_commit: 'off',
  wal_level: 'replica',
  hot_standby: 'on',
  max_wal_senders: '4',
  wal_keep_size: '1GB',
  // A clock that leaps must not look like a silent peer.
  wal_sender_timeout: '0',
  wal_receiver_timeout: '0',
  wal_retrieve_retry_interval: '200ms',
  log_min_messages: 'panic',
}

export const startPostgresPair = async (): Promise<PostgresPair> => {
  const place = await openPlace()
  await writeClockOffset(place.clockFile, 0)
  let leader = await makeServer(place, 'first')
  const cluster = ['-D', leader.folder, '-U', user, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  await run(place, place.binaries.initdb, cluster)
  await startServer(place, leader)
  const replication = await startCutProxy(leader.port)
  const proxy = await startCutProxy(leader.port)
  let follower = await follow(place, leader, replication.port, 'follower-1')
  let followers = 1

  const query: Query = (statement) => ask(leader.port, statement)

  const promote: PostgresPair['promote'] = async (lagMs, onPromoted) => {
    if (lagMs === 0) proxy.refuse()
    await untilCaughtUp(leader, follower)
    const keptUntilMs = performance.now()
    if (lagMs > 0) replication.hold()
    await sleep(lagMs)
    proxy.refuse()
    await stopServer(leader, 'SIGQUIT')
    replication.refuse()
    await rm(leader.folder, { recursive: true, force: true })
    await ask(follower.port, 'select pg_promote(true, 60)')
    leader = follower
    await onPromoted(query, keptUntilMs)
    replication.release()
    replication.accept()
    replication.retarget(leader.port)
    proxy.retarget(leader.port)
    proxy.accept()
    followers += 1
    follower = await follow(place, leader, replication.port, `follower-${followers}`)
  }

  return {
    url: `postgres://${user}@127.0.0.1:${proxy.port}/postgres`,
    proxy,
    query,
    setClock: (aheadMs) => writeClockOffset(place.clockFile, aheadMs),
    crash: async (awayMs) => {
      await stopServer(leader, 'SIGQUIT')
      await sleep(awayMs)
      await startServer(place, leader)
    },
    promote,
    remove: async () => {
      await Promise.all([leader, follower].map((server) => stopServer(server, 'SIGQUIT')))
      await Promise.all([proxy.close(), replication.close()])
      await rm(place.root, { recursive: true, force: true })
    },
  }
}

const openPlace = async (): Promise<Place> => {
  const account = await findServerAccount()
  const root = await mkdtemp(join(tmpdir(), 'taskfold-pair-'))
  await chmod(root, 0o755)
  if (account !== undefined) await chown(root, account.uid, account.gid)
  const binaries = await findPostgresBinaries({ account, copiesIn: root, logger: silentLogger })
  return { root, account, binaries, clockFile: join(root, 'clock') }
}

const makeServer = async ({ root, account }: Place, name: string): Promise<Server> => {
  const folder = join(root, name)
  await mkdir(folder, { mode: 0o700 })
  if (account !== undefined) await chown(folder, account.uid, account.gid)
  return { folder, port: await findFixedPort(), process: undefined }
}

const startServer = async (place: Place, server: Server): Promise<void> => {
  const options = processOptions(place)
  const pairs = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  server.process = spawn(place.binaries.postgres, ['-D', server.folder, '-p', `${server.port}`, ...pairs], {
    ...options,
    env: { ...options.env, ...toFaketimeEnv(place.clockFile) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  for (const endsAt = performance.now() + readyDeadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
    if (await ask(server.port, 'select 1').catch(() => undefined)) return
  }
  throw new Error(`the server in ${server.folder} was not ready within ${readyDeadlineMs} ms`)
}

const stopServer = async (server: Server, signal: 'SIGQUIT' | 'SIGINT'): Promise<void> => {
  const child = server.process
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** A copy of the leader, made while it runs, that follows it by way of `port`. */
const follow = async (place: Place, leader: Server, port: number, name: string): Promise<Server> => {
  const server = await makeServer(place, name)
  const client = new pg.Client({ host: '127.0.0.1', port: leader.port, user, database: 'postgres' })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('select pg_backup_start($1, true)', [name])
    // Files come and go meanwhile; the log that the follower reads makes up for it.
    await run(place, '/bin/sh', [
      '-c',
      'cd "$0" && tar --create --exclude=./postmaster.pid --exclude=./pg_wal/* . 2>/dev/null | tar --extract -C "$1"',
      leader.folder,
      server.folder,
    ])
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
    await writeOwned(place, join(server.folder, 'backup_label'), rows[0]?.labelfile ?? '')
  } finally {
    await client.end()
  }
  await writeOwned(place, join(server.folder, 'standby.signal'), '')
  await writeOwned(
    place,
    join(server.folder, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${port} user=${user}'\n`,
  )
  await startServer(place, server)
  return server
}

const writeOwned = async ({ account }: Place, file: string, text: string): Promise<void> => {
  await writeFile(file, text, { mode: 0o600 })
  if (account !== undefined) await chown(file, account.uid, account.gid)
}

const untilCaughtUp = async (leader: Server, follower: Server): Promise<void> => {
  for (const endsAt = performance.now() + readyDeadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
    const [written] = await ask<{ lsn: string }>(leader.port, 'select pg_current_wal_lsn()::text as lsn')
    const [replayed] = await ask<{ done: boolean }>(
      follower.port,
      `select pg_last_wal_replay_lsn() >= '${written?.lsn}'::pg_lsn as done`,
    )
    if (replayed?.done === true) return
  }
  throw new Error(`the follower did not catch up within ${readyDeadlineMs} ms`)
}

const ask = async <Row extends pg.QueryResultRow>(port: number, statement: string): Promise<readonly Row[]> => {
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

const run = (place: Place, program: string, args: readonly string[]) =>
  promisify(execFile)(program, [...args], { ...processOptions(place), maxBuffer: 16 * 1_048_576 })
