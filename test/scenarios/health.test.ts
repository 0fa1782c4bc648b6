import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'
import { hasRedisServer, startRedisServer } from '../support/redis-server.ts'
import { type DatabaseWatch, openDatabaseWatch } from './support/database-watch.ts'
import { request, submit, untilStatus } from './support/http.ts'
import { killAllProcesses, startTaskfold } from './support/process.ts'
import { probeReadiness, untilFailed, untilReady, untilSilent } from './support/readiness.ts'

const support = join(import.meta.dirname, 'support')
const slow = { timeout: 180_000 }

let server: PostgresServer
/** Outside the database of the fleet, and in it. */
let admin: DatabaseWatch
let watch: DatabaseWatch
let env: Readonly<Record<string, string>>
beforeEach(async () => {
  server = await startPostgresServer()
  admin = await openDatabaseWatch(server.url)
  await admin.query('create database fleet')
  const url = Object.assign(new URL(server.url), { pathname: '/fleet' }).href
  watch = await openDatabaseWatch(url)
  env = { DATABASE_URL: url }
}, 60_000)
afterEach(async () => {
  await killAllProcesses()
  await Promise.all([admin, watch].map((each) => each.close().catch(() => {})))
  await server.remove()
})

/** A pull is only wanted where there is something to pull from: one task makes the route known. */
const startApiAndWorker = async (settings: Readonly<Record<string, string>> = {}, entry?: string) => {
  const api = await startTaskfold({ words: ['api'], env: { ...env, ...settings } })
  const worker = await startTaskfold({
    words: ['worker'],
    env: { ...env, ...settings },
    ...(entry === undefined ? {} : { entry }),
  })
  const { id } = await submit(api.url, { type: 'demo.echo' })
  await untilStatus(api.url, id, 'SUCCESS')
  await Promise.all([untilReady(api.url), untilReady(worker.url)])
  return { api, worker }
}

const isLive = async (url: string): Promise<boolean> => (await request(url, '/livez')).status === 200

describe('readiness', () => {
  test('goes with the pull loop', slow, async () => {
    const { api, worker } = await startApiAndWorker({}, join(support, 'worker-with-hung-pull.ts'))
    worker.signal('SIGUSR2')

    expect(await untilFailed(worker.url, 'pull')).toEqual(['pull'])
    expect(await isLive(worker.url)).toBe(true)
    expect(await probeReadiness(api.url)).toBe('ready')
    worker.signal('SIGUSR2')
    await untilReady(worker.url)
  })

  test('goes with the connections of the pool', slow, async () => {
    const { api, worker } = await startApiAndWorker()
    await admin.query('alter database fleet with allow_connections false')
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'fleet'`)

    expect(await untilFailed(api.url, 'postgres')).toEqual(['postgres'])
    await untilFailed(worker.url, 'postgres')
    await untilFailed(worker.url, 'beat')
    expect(await isLive(api.url)).toBe(true)
    await admin.query('alter database fleet with allow_connections true')
    await Promise.all([untilReady(api.url), untilReady(worker.url)])
  })

  test('goes with the event loop: whoever probes gets no answer, nor to /livez', slow, async () => {
    const { api, worker } = await startApiAndWorker({ HANDLERS: join(support, 'blocking-task.ts') })
    const { id } = await submit(api.url, { type: 'test.block', payload: { ms: 8_000 } })
    await untilStatus(api.url, id, 'PROCESSING')

    await untilSilent(worker.url)
    await expect(fetch(`${worker.url}/livez`, { signal: AbortSignal.timeout(1_000) })).rejects.toThrow()
    await untilStatus(api.url, id, 'SUCCESS')
    await untilReady(worker.url)
  })

  test('goes with a database that does not answer', slow, async () => {
    const { api, worker } = await startApiAndWorker()
    const pids = pidsOf(await admin.query('select pid from pg_stat_activity'))
    const postmaster = parentOf(pids[0])
    const all = [postmaster, ...childrenOf(postmaster)]
    for (const pid of all) process.kill(pid, 'SIGSTOP')
    try {
      expect(await untilFailed(api.url, 'postgres')).toEqual(['postgres'])
      await untilFailed(worker.url, 'postgres')
      await untilFailed(worker.url, 'beat')
      await untilFailed(worker.url, 'pull')
      expect(await isLive(api.url)).toBe(true)
      expect(await isLive(worker.url)).toBe(true)
    } finally {
      for (const pid of all) process.kill(pid, 'SIGCONT')
    }
    await Promise.all([untilReady(api.url), untilReady(worker.url)])
  })

  test('goes with the registration of a worker that was fenced', slow, async () => {
    const { api, worker } = await startApiAndWorker()
    await watch.query(`create function refuse() returns trigger language plpgsql as 'begin raise ''no''; end'`)
    await watch.query('create trigger refuse before insert on taskfold.workers for each row execute function refuse()')
    await watch.query(`update taskfold.workers set state = 'ended'`)

    expect(await untilFailed(worker.url, 'beat')).toContain('beat')
    expect(await probeReadiness(api.url)).toBe('ready')
    await watch.query('drop trigger refuse on taskfold.workers')
    await untilReady(worker.url)
  })

  test('stays while every slot is taken, and when one comes free', slow, async () => {
    const { api, worker } = await startApiAndWorker({ CONCURRENCY: '1' })
    const { id } = await submit(api.url, { type: 'demo.sleep', payload: { ms: 9_000 } })
    await untilStatus(api.url, id, 'PROCESSING')
    const seen = new Set<string>()
    const look = async (): Promise<void> => void seen.add(JSON.stringify(await probeReadiness(worker.url)))
    const ended = untilStatus(api.url, id, 'SUCCESS')
    const isOver = ended.then(
      () => true,
      () => true,
    )
    while (!(await Promise.race([isOver, look().then(() => false)]))) continue
    await ended
    for (let looks = 0; looks < 50; looks += 1) await look()

    expect([...seen]).toEqual(['"ready"'])
  })
})

describe.skipIf(!hasRedisServer())('readiness with Redis', () => {
  test('goes with Redis, and names it; tasks are taken all the same', slow, async () => {
    const redis = await startRedisServer()
    try {
      const { api, worker } = await startApiAndWorker({ REDIS_URL: redis.url })
      redis.signal('SIGSTOP')

      expect(await untilFailed(api.url, 'redis')).toEqual(['redis'])
      expect(await untilFailed(worker.url, 'redis')).toContain('redis')
      const { id } = await submit(api.url, { type: 'demo.echo' })
      await untilStatus(api.url, id, 'SUCCESS')
      redis.signal('SIGCONT')
      await Promise.all([untilReady(api.url), untilReady(worker.url)])
    } finally {
      await redis.remove()
    }
  })
})

const pidsOf = (rows: readonly Readonly<Record<string, unknown>>[]): readonly number[] =>
  rows.map(({ pid }) => Number(pid))

const ps = (...args: readonly string[]): readonly number[] =>
  execFileSync('ps', [...args], { encoding: 'utf8' })
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 1)

const parentOf = (pid = 0): number => ps('-o', 'ppid=', '-p', String(pid))[0] ?? 0
const childrenOf = (pid: number): readonly number[] => ps('-o', 'pid=', '--ppid', String(pid))
