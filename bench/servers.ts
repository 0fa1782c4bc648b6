import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { startPostgresServer } from '../test/support/postgres-server.ts'

/** A PostgreSQL and a Redis of the run's own, in temporary folders. */
export interface Servers {
  readonly redisUrl: string
  /** Makes an empty database and empties Redis; answers the URL of the database. Whoever was connected is cut off. */
  renew(): Promise<string>
  /** Runs a statement in the database made last. */
  execute(statement: string): Promise<void>
  close(): Promise<void>
}

const databaseName = 'bench'

/** Starts both: Postgres as the embedded one is, fsync on, with room for everybody's pools; Redis without persistence. */
export const startServers = async (): Promise<Servers> => {
  const postgres = await startPostgresServer({ max_connections: '400' })
  const redis = await startRedis()
  const client = new Redis(redis.url)
  const url = new URL(postgres.url)
  url.pathname = `/${databaseName}`
  return {
    redisUrl: redis.url,
    renew: async () => {
      await client.flushall()
      await execute(postgres.url, `drop database if exists ${databaseName} with (force)`)
      await execute(postgres.url, `create database ${databaseName} encoding 'UTF8' locale 'C' template template0`)
      // Else one measurement pays for the pages that another has written.
      await execute(postgres.url, 'checkpoint')
      return url.href
    },
    execute: (statement) => execute(url.href, statement),
    close: async () => {
      client.disconnect()
      await redis.remove()
      await postgres.remove()
    },
  }
}

const execute = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 60_000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Ends the server when it is told to or when this process is gone, whose end closes its input. */
const guard = '"$@" </dev/null & server=$!; read -r told; kill "$server"; wait "$server"; rm -rf "$0"'

const startRedis = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-bench-redis-'))
  const port = await findFreePort()
  const settings = { port: `${port}`, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const running = spawn('/bin/sh', ['-c', guard, folder, 'redis-server', ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const ended = once(running, 'exit')
  await waitForPort(port)
  return {
    url: `redis://127.0.0.1:${port}`,
    remove: async () => {
      running.stdin.end('end\n')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const attemptsMax = 200
const attemptPauseMs = 25

const waitForPort = async (port: number): Promise<void> => {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    if (await answers(port)) return
    await sleep(attemptPauseMs)
  }
  throw new Error(`redis-server did not answer on port ${port}; is it installed?`)
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

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
