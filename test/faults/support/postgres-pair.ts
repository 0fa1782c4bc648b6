import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { writeClockOffset } from '../../support/steppable-postgres.ts'
import {
  ask,
  type CampaignServer,
  findServerPids,
  makeServer,
  openServerPlace,
  readyDeadlineMs,
  removeServer,
  run,
  type ServerPlace,
  startServer,
  stopServer,
  user,
  writeOwned,
} from './campaign-server.ts'
import { type CutProxy, startCutProxy } from './cut-proxy.ts'
import { createPostgresConversation } from './postgres-conversation.ts'
import type { ServerDisk } from './server-disk.ts'

/**
 * A PostgreSQL that one other follows asynchronously, both by one clock that can be set. They keep no promise that they are
 * not asked for: `synchronous_commit` is off unless a transaction says otherwise.
 */
export interface PostgresPair {
  /** A way of its own to the server that leads, whichever that is; all that the product sends passes one of them. */
  openProxy(): Promise<CutProxy>
  toUrl(proxy: CutProxy): string
  readonly diskKind: ServerDisk['kind']
  /** Straight to the server that leads. */
  readonly query: Query
  /** Sets the clock of both that far ahead of the machine's; behind it when negative. In whole seconds. */
  setClock(aheadMs: number): Promise<void>
  /** Ends the leader without a checkpoint, and starts it again after `awayMs`. */
  crash(awayMs: number): Promise<void>
  /** Kills the process of a session, upon which the server ends all others and starts anew by itself. */
  killSession(): Promise<void>
  /** Stops every process of the leader for `ms`, and lets them go on. */
  pause(ms: number): Promise<void>
  /** The leader's disk is full for `ms`. Resolves when there is room and the server answers again. */
  fillDisk(ms: number): Promise<void>
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

const pollMs = 25

export const startPostgresPair = async (): Promise<PostgresPair> => {
  const place = await openServerPlace()
  await writeClockOffset(place.clockFile, 0)
  let leader = await makeServer(place, 'first')
  const cluster = ['-D', leader.folder, '-U', user, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  await run(place, place.binaries.initdb, cluster)
  await startServer(place, leader)
  const replication = await startCutProxy(leader.port)
  const proxies: CutProxy[] = []
  let follower = await follow(place, leader, replication.port, 'follower-1')
  let followers = 1

  const query: Query = (statement) => ask(leader.port, statement)
  const refuseAll = (): (() => void) => {
    const releases = proxies.map((proxy) => proxy.refuse())
    return () => {
      for (const release of releases) release()
    }
  }

  const promote: PostgresPair['promote'] = async (lagMs, onPromoted) => {
    const early = lagMs === 0 ? refuseAll() : undefined
    const keptUntilMs = await untilCaughtUp(leader, follower)
    const freeReplication = lagMs > 0 ? replication.stall('both') : undefined
    await sleep(lagMs)
    const release = early ?? refuseAll()
    await stopServer(leader, 'SIGQUIT')
    const openReplication = replication.refuse()
    await removeServer(leader)
    await ask(follower.port, 'select pg_promote(true, 60)')
    leader = follower
    await onPromoted(query, keptUntilMs)
    freeReplication?.()
    openReplication()
    replication.retarget(leader.port)
    for (const proxy of proxies) proxy.retarget(leader.port)
    release()
    followers += 1
    follower = await follow(place, leader, replication.port, `follower-${followers}`)
  }

  return {
    openProxy: async () => {
      const proxy = await startCutProxy(leader.port, createPostgresConversation)
      proxies.push(proxy)
      return proxy
    },
    toUrl: ({ port }) => `postgres://${user}@127.0.0.1:${port}/postgres`,
    diskKind: leader.disk.kind,
    query,
    setClock: (aheadMs) => writeClockOffset(place.clockFile, aheadMs),
    crash: async (awayMs) => {
      await stopServer(leader, 'SIGQUIT')
      await sleep(awayMs)
      await startServer(place, leader)
    },
    killSession: async () => {
      const [row] = await query<{ pid: number }>(
        `select pid from pg_stat_activity where backend_type = 'client backend' and application_name <> 'campaign' limit 1`,
      )
      if (row !== undefined) process.kill(row.pid, 'SIGKILL')
      await sleep(pollMs)
      await startServer(place, leader)
    },
    pause: async (ms) => {
      const pids = await findServerPids(leader)
      sendAll(pids, 'SIGSTOP')
      await sleep(ms)
      sendAll(pids, 'SIGCONT')
    },
    fillDisk: async (ms) => {
      await leader.disk.fill()
      // The log goes on in a new file, for which there is no room: the server ends itself sooner or later.
      await query('select pg_switch_wal()').catch(() => {})
      await sleep(ms)
      await leader.disk.free()
      await startServer(place, leader)
    },
    promote,
    remove: async () => {
      await Promise.all([leader, follower].map(removeServer))
      await Promise.all([...proxies, replication].map((proxy) => proxy.close()))
      await rm(place.root, { recursive: true, force: true })
    },
  }
}

const sendAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** A copy of the leader, made while it runs, that follows it by way of `port`. */
const follow = async (
  place: ServerPlace,
  leader: CampaignServer,
  port: number,
  name: string,
): Promise<CampaignServer> => {
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

/** Answers the instant at which the leader was asked what the follower has now. */
const untilCaughtUp = async (leader: CampaignServer, follower: CampaignServer): Promise<number> => {
  for (const endsAt = performance.now() + readyDeadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
    const askedAtMs = performance.now()
    const [written] = await ask<{ lsn: string }>(leader.port, 'select pg_current_wal_lsn()::text as lsn')
    const [replayed] = await ask<{ done: boolean }>(
      follower.port,
      `select pg_last_wal_replay_lsn() >= '${written?.lsn}'::pg_lsn as done`,
    )
    if (replayed?.done === true) return askedAtMs
  }
  throw new Error(`the follower did not catch up within ${readyDeadlineMs} ms`)
}
