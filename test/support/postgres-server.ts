import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { makeCluster, ownerRole, processOptions } from '#adapters/postgres/embedded/cluster.ts'
import { findPostgresBinaries } from '#adapters/postgres/embedded/postgres-binaries.ts'
import { findPostmaster, loopback } from '#adapters/postgres/embedded/postmaster.ts'
import { findServerAccount } from '#adapters/postgres/embedded/server-account.ts'
import { openPasswords } from '#adapters/postgres/embedded/server-password.ts'
import { askServer, serverSettings, toServerArguments } from '#adapters/postgres/embedded/server-process.ts'
import { copyClusterTemplate } from './cluster-template.ts'
import { silentLogger } from './silent-logger.ts'

/** A PostgreSQL of a test's own, which it may stop as it likes. Its role is a superuser. */
export interface PostgresServer {
  /** Of the database `postgres`; the same after every start. */
  readonly url: string
  readonly port: number
  /** `fast` ends its sessions and shuts down in order; `immediate` is a crash. Resolves when the server is gone. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>
  /** Stops it and removes its folder. */
  remove(): Promise<void>
  /** Keeps a copy of its data, as a standby has them that receives nothing from now on. Its sessions end. */
  keepCopy(): Promise<void>
  /** Fails over to that copy: the server dies, and the copy is promoted in its place. Needs `standbySettings`. */
  promoteCopy(): Promise<void>
}

/** With these a copy can be promoted: what is written says enough, and nothing is asked before the promotion is over. */
export const standbySettings = { wal_level: 'replica', hot_standby: 'off', restore_command: 'false' } as const

const execute = promisify(execFile)

const readyDeadlineMs = 30_000
const pollMs = 25

/**
 * Holds a server for as long as this process lives: by a line on its input it is told to wait for the server's end; when
 * its input ends without one, the process that started it was killed, and it ends the server and removes its folder.
 */
const guard = `
"$@" </dev/null &
server=$!
if ! read -r told; then
  kill -QUIT $server
  wait $server
  rm -rf "$0"
fi
wait $server`

/**
 * Starts a server in a folder of its own. `settings` come after those of the embedded server, so that they win; `environment`
 * is the server's own.
 */
export const startPostgresServer = async (
  settings: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> => {
  const account = await findServerAccount()
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-postgres-'))
  if (account !== undefined) await chown(folder, account.uid, account.gid)
  const place = { folder, cluster: join(folder, 'postgres'), account }
  const binaries = await findPostgresBinaries({ account, copiesIn: folder, logger: silentLogger })
  const isCopy = await copyClusterTemplate(folder)
  const passwords = await openPasswords(place)
  if (!isCopy) await makeCluster(place, binaries)
  const port = await findFixedPort()
  const args = toServerArguments(place.cluster, port, { ...serverSettings, ...settings })

  let running: ChildProcess | undefined
  const start = async (): Promise<void> => {
    running = spawn('/bin/sh', ['-c', guard, folder, binaries.postgres, ...args], {
      ...processOptions(place),
      env: { ...processOptions(place).env, PATH: '/usr/bin:/bin', ...environment },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    for (const endsAt = performance.now() + readyDeadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
      if ((await askServer({ host: loopback, port }, passwords)).kind === 'ready') return
    }
    running.stdin?.destroy()
    throw new Error(`the server in ${folder} was not ready within ${readyDeadlineMs} ms`)
  }
  const stop = async (mode: 'fast' | 'immediate'): Promise<void> => {
    if (running === undefined) return
    const ended = once(running, 'exit')
    const postmaster = await findPostmaster(place.cluster)
    running.stdin?.end('told\n')
    running = undefined
    if (postmaster !== undefined) process.kill(postmaster.pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await ended
  }
  const remove = async (): Promise<void> => {
    await stop('immediate')
    await rm(folder, { recursive: true, force: true })
  }
  const copy = join(folder, 'copy')
  const keepCopy = async (): Promise<void> => {
    await stop('fast')
    await cp(place.cluster, copy, { recursive: true, preserveTimestamps: true })
    await execute('chown', ['-R', '--reference', place.cluster, copy])
    await start()
  }
  const promoteCopy = async (): Promise<void> => {
    await stop('immediate')
    await rm(place.cluster, { recursive: true })
    await rename(copy, place.cluster)
    await writeFile(join(place.cluster, 'recovery.signal'), '')
    await execute('chown', ['--reference', place.cluster, join(place.cluster, 'recovery.signal')])
    await start()
  }
  await start()
  return {
    url: `postgres://${ownerRole}:${passwords[0] ?? ''}@${loopback}:${port}/postgres`,
    port,
    stop,
    start,
    remove,
    keepCopy,
    promoteCopy,
  }
}

/** A free port below those that outgoing connections are given, one of which could take it while its server is down. */
export const findFixedPort = async (): Promise<number> => {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = 20_000 + (randomBytes(2).readUInt16BE() % 12_000)
    if (await isFree(port)) return port
  }
  throw new Error('no port is free')
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => {
      resolve(false)
    })
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
