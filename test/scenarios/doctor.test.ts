import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { type DatabaseWatch, openDatabaseWatch } from './support/database-watch.ts'
import { submitMany, until, untilStatus } from './support/http.ts'
import { killAllProcesses, runTaskfold, startTaskfold } from './support/process.ts'
import { plantWorker, storedTroubles } from './support/troubles.ts'

interface Report {
  readonly status: string
  readonly findings: readonly {
    readonly code: string
    readonly severity: string
    readonly what: string
    readonly toDo?: string
  }[]
}

const slow = { timeout: 120_000 }
const tasksInAll = 30

let server: PostgresServer
let admin: DatabaseWatch
const urlOf = (name: string): string => Object.assign(new URL(server.url), { pathname: `/${name}` }).href

beforeAll(async () => {
  server = await startPostgresServer()
  admin = await openDatabaseWatch(server.url)
  await admin.query('create database model')
  const taskfold = await startTaskfold({ env: { DATABASE_URL: urlOf('model'), RECONCILE_MS: '500' } })
  const tasks = await submitMany(taskfold.url, tasksInAll, (index) => ({ type: 'demo.echo', payload: index }))
  for (const { id } of tasks) await untilStatus(taskfold.url, id, 'SUCCESS')
  taskfold.signal('SIGTERM')
  await taskfold.ended
}, 120_000)
afterAll(async () => {
  await killAllProcesses()
  await admin.close()
  await server.remove()
})

/** A copy of an installation that has worked a moment ago, with a worker that is alive. */
const createInstallation = async (): Promise<{ readonly url: string; readonly watch: DatabaseWatch }> => {
  const name = `copy_${randomBytes(6).toString('hex')}`
  await admin.query(`create database ${name} template model`)
  const watch = await openDatabaseWatch(urlOf(name))
  await watch.query('update taskfold.exclusive_work set begun_at = now()')
  await watch.query('delete from taskfold.workers')
  await plantWorker(watch.query)
  return { url: urlOf(name), watch }
}

const examine = async (
  env: Readonly<Record<string, string>>,
): Promise<{ readonly end: number | string; readonly text: string; readonly report: Report }> => {
  const { end, out, err } = await runTaskfold({ words: ['doctor', '--json'], env })
  return { end, text: out + err, report: JSON.parse(out) }
}

/** What is not well, by code. */
const badOf = ({ findings }: Report): Readonly<Record<string, string>> =>
  Object.fromEntries(findings.filter(({ severity }) => severity !== 'ok').map(({ code, severity }) => [code, severity]))

describe('the doctor of an installation in order', () => {
  test('finds nothing, and ends with 0', slow, async () => {
    const { url, watch } = await createInstallation()
    const { end, report } = await examine({ DATABASE_URL: url })
    await watch.close()

    expect(report.findings.filter(({ severity }) => severity !== 'ok')).toEqual([])
    expect(report.status).toBe('ok')
    expect(end).toBe(0)
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'heads', what: `${tasksInAll} heads were compared with their events` }),
    )
  })

  test('says the same to people', slow, async () => {
    const { url, watch } = await createInstallation()
    await watch.query('delete from taskfold.workers')
    const { end, out } = await runTaskfold({ words: ['doctor'], env: { DATABASE_URL: url } })
    await watch.close()

    expect(out).toContain('ok      database: PostgreSQL 18')
    expect(out).toContain('TROUBLE no-worker: no worker is alive\n        start `taskfold worker`')
    expect(end).toBe(1)
  })

  test('changes nothing, not even where it could migrate', slow, async () => {
    await admin.query('create database empty')
    const { end, report } = await examine({ DATABASE_URL: urlOf('empty') })
    const watch = await openDatabaseWatch(urlOf('empty'))
    const schemas = await watch.query(`select from pg_namespace where nspname = 'taskfold'`)
    await watch.close()

    expect(badOf(report)).toEqual({ 'migrations-pending': 'trouble' })
    expect(end).toBe(1)
    expect(schemas).toEqual([])
  })
})

describe('a worker that beats', () => {
  test('tells how its clock differs', slow, async () => {
    await admin.query('create database beating template model')
    const url = urlOf('beating')
    await startTaskfold({ words: ['worker'], env: { DATABASE_URL: url, BEAT_MS: '200' } })
    const watch = await openDatabaseWatch(url)
    const aheadMs = await until('the clock of a worker', async () => {
      const rows = await watch.query(
        'select clock_ahead_ms as ms from taskfold.workers where clock_ahead_ms is not null',
      )
      return rows[0] === undefined ? undefined : Number(rows[0]['ms'])
    })
    await killAllProcesses()
    await watch.close()

    // Both clocks are this machine's; a beat is on its way for a moment.
    expect(aheadMs).toBeLessThan(100)
    expect(aheadMs).toBeGreaterThan(-10_000)
  })
})

describe('a trouble in the database', () => {
  test.each(storedTroubles)('is found: $code', slow, async ({ code, severity, plant }) => {
    const { url, watch } = await createInstallation()
    await plant(watch.query)
    const { end, report } = await examine({ DATABASE_URL: url })
    await watch.close()

    expect(badOf(report)).toMatchObject({ [code]: severity })
    expect(report.findings.find((finding) => finding.code === code)?.toDo).toBeTruthy()
    expect(end).toBe(report.status === 'trouble' ? 1 : 0)
  })

  test('is found: a transaction that holds the feed back', slow, async () => {
    const { url, watch } = await createInstallation()
    await watch.query('begin')
    await watch.query('select pg_current_xact_id()')
    const { report } = await examine({ DATABASE_URL: url })
    await watch.query('rollback')
    await watch.close()

    expect(badOf(report)).toEqual({ 'feed-held-back': 'warning' })
  })
})

describe('a trouble with a server', () => {
  test('is found: a database that is not there, without its password', slow, async () => {
    const { end, text, report } = await examine({ DATABASE_URL: 'postgres://someone:hush-hush@127.0.0.1:1/there' })

    expect(badOf(report)).toMatchObject({ 'database-unreachable': 'trouble' })
    expect(text).not.toContain('hush-hush')
    expect(end).toBe(1)
  })

  test('is found: a direct connection that leads nowhere', slow, async () => {
    const { url, watch } = await createInstallation()
    const { report } = await examine({ DATABASE_URL: url, DATABASE_DIRECT_URL: 'postgres://127.0.0.1:1/there' })
    await watch.close()

    expect(badOf(report)).toEqual({ 'direct-connection-unreachable': 'trouble' })
  })

  test('is found: one that would lose what it was given', slow, async () => {
    const unsafe = await startPostgresServer({ fsync: 'off' })
    const { report } = await examine({ DATABASE_URL: unsafe.url })
    await unsafe.remove()

    expect(badOf(report)).toMatchObject({ 'database-unfit': 'trouble' })
  })

  test('is found: one that has hardly a connection left', slow, async () => {
    const small = await startPostgresServer({ max_connections: '13' })
    const watches = await Promise.all(Array.from({ length: 8 }, () => openDatabaseWatch(small.url)))
    const { report } = await examine({ DATABASE_URL: small.url })
    await Promise.all(watches.map((watch) => watch.close()))
    await small.remove()

    expect(badOf(report)).toMatchObject({ 'connections-scarce': 'warning' })
  })

  test('is found: a clock that differs from this one', slow, async () => {
    const { url, watch } = await createInstallation()
    const shift = 'const now = Date.now; Date.now = () => now() + 90_000'
    const { report } = await examine({
      DATABASE_URL: url,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}`,
    })
    await watch.close()

    expect(badOf(report)).toEqual({ 'host-clock-apart': 'trouble' })
  })

  test('is a mistake in the settings: exit code 2', slow, async () => {
    const { end, err } = await runTaskfold({ words: ['doctor'], env: { DATABASE_URL: 'mysql://there' } })

    expect(end).toBe(2)
    expect(err).toContain('DATABASE_URL must be')
  })
})

describe.skipIf(!hasPgBouncer())('a pooler in the way of notifications', () => {
  test('is found', slow, async () => {
    const { url, watch } = await createInstallation()
    const pooler = await startPgBouncer(server.url)
    const { report } = await examine({ DATABASE_URL: pooler.toPooledUrl(url) })
    await pooler.remove()
    await watch.close()

    expect(badOf(report)).toEqual({ 'notifications-unheard': 'warning' })
  })
})

describe.skipIf(!hasRedisServer())('a trouble with Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedisServer(['--maxmemory', '2mb', '--maxmemory-policy', 'allkeys-lru', '--requirepass', 'hush'])
  })
  afterAll(() => redis.remove())

  const examineWith = async (redisUrl: string) => {
    const { url, watch } = await createInstallation()
    const examined = await examine({ DATABASE_URL: url, REDIS_URL: redisUrl })
    await watch.close()
    return examined
  }

  test('is found: it is not there, and the password is not told', slow, async () => {
    const { text, report } = await examineWith('redis://someone:hush-hush@127.0.0.1:1')

    expect(badOf(report)).toEqual({ 'redis-unreachable': 'trouble' })
    expect(text).not.toContain('hush-hush')
  })

  test('is found: it may drop the queue', slow, async () => {
    const { report } = await examineWith(redis.url.replace('//', '//:hush@'))

    expect(badOf(report)).toMatchObject({ 'redis-evicts': 'warning' })
  })

  test('is found: it is a replica', slow, async () => {
    const replica = await startRedisServer(['--replicaof', '127.0.0.1', String(redis.port), '--masterauth', 'hush'])
    const { report } = await examineWith(replica.url)
    await replica.remove()

    expect(badOf(report)).toMatchObject({ 'redis-replica': 'trouble' })
  })
})
