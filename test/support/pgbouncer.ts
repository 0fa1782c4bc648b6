import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findServerAccount } from '#adapters/postgres/embedded/server-account.ts'

/** A PgBouncer in transaction mode before the server of the tests. */
export interface Pooler {
  /** The URL of the same database by way of the pooler. */
  toPooledUrl(databaseUrl: string): string
  remove(): Promise<void>
}

const program = 'pgbouncer'
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']

const findPgBouncer = (): string | undefined =>
  folders
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

/** Whether there is a pooler to start at all; says so loudly when there is none. */
export const hasPgBouncer = (): boolean => {
  const found = findPgBouncer() !== undefined
  if (!found && process.env['CI'] === 'true') throw new Error('there is no pgbouncer in PATH')
  if (!found) process.stderr.write('\nNO pgbouncer IN PATH: what works behind a pooler was not tried.\n\n')
  return found
}

const readyDeadlineMs = 10_000

/** Fewer sessions than any process has connections, so that each transaction may meet another one. */
const sessionsMax = 4

/** Starts one for the server of that URL, with the settings of its package but for the mode. */
export const startPgBouncer = async (serverUrl: string): Promise<Pooler> => {
  const file = findPgBouncer()
  if (file === undefined) throw new Error('there is no pgbouncer')
  const { hostname, port: serverPort, username, password } = new URL(serverUrl)
  const port = await findFreePort()
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-pgbouncer-'))
  await chmod(folder, 0o755)
  const place = `host=${hostname} port=${serverPort} user=${decodeURIComponent(username)}`
  const settings = [
    '[databases]',
    `* = ${place} password=${decodeURIComponent(password)}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    `default_pool_size = ${sessionsMax}`,
    'max_client_conn = 500',
  ]
  const config = join(folder, 'pgbouncer.ini')
  await writeFile(config, `${settings.join('\n')}\n`, { mode: 0o644 })
  const account = await findServerAccount()
  const child: ChildProcess = spawn(file, ['-q', config], {
    cwd: '/',
    stdio: 'ignore',
    ...(account && { uid: account.uid, gid: account.gid }),
  })
  const ended = once(child, 'exit')
  const remove = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  for (const endsAt = performance.now() + readyDeadlineMs; performance.now() < endsAt; await sleep(25)) {
    if (await accepts(port)) {
      return {
        toPooledUrl: (databaseUrl) => {
          const url = new URL(databaseUrl)
          url.hostname = '127.0.0.1'
          url.port = String(port)
          return url.href
        },
        remove,
      }
    }
  }
  await remove()
  throw new Error(`no PgBouncer accepted connections within ${readyDeadlineMs} ms`)
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

const findFreePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}
