import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'
import { allRoles, readConfig, readEnvironmentWithoutSecrets, type Role } from '#bootstrap/config.ts'

const mistakesOf = (given: Readonly<Record<string, string>>, roles: readonly Role[] = allRoles): readonly string[] => {
  try {
    readConfig(roles, given)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.mistakes
    throw error
  }
}

describe('an empty environment', () => {
  it('gives the documented defaults', () => {
    expect(readConfig(allRoles, {})).toMatchObject({
      host: '127.0.0.1',
      port: 3_000,
      database: undefined,
      redisUrl: undefined,
      redisPrefix: 'taskfold',
      queues: undefined,
      concurrency: 50,
      leaseMs: 15_000,
      beatMs: 3_000,
      sweepMs: 2_000,
      reconcileMs: 2_000,
      drainMs: 30_000,
      logLevel: 'info',
    })
  })

  it('is what variables that are set to nothing come to', () => {
    expect(readConfig(allRoles, { PORT: '', DATABASE_URL: '', QUEUES: '' })).toEqual(readConfig(allRoles, {}))
  })
})

describe('a role alone', () => {
  const database = { DATABASE_URL: 'postgres://db.example/tasks' }

  it.each<Role>(['api', 'worker', 'maintenance'])('%s must be told its database', (role) => {
    expect(mistakesOf({}, [role])).toEqual([expect.stringContaining('DATABASE_URL must be set')])
    expect(mistakesOf(database, [role])).toEqual([])
  })

  it('takes any free port unless it serves the API', () => {
    expect(readConfig(['api'], database).port).toBe(3_000)
    expect(readConfig(['worker'], database).port).toBe(0)
    expect(readConfig(['worker'], { ...database, PORT: '8080' }).port).toBe(8_080)
  })
})

describe('mistakes', () => {
  it('are all named at once', () => {
    const mistakes = mistakesOf(
      { PORT: 'http', LEASE_MS: '1.5', LOG_LEVEL: 'loud', REDIS_URL: 'localhost:6379', QUEUES: 'good,not good' },
      ['worker'],
    )
    for (const name of ['PORT', 'LEASE_MS', 'LOG_LEVEL', 'REDIS_URL', 'QUEUES', 'DATABASE_URL']) {
      expect(mistakes.filter((mistake) => mistake.startsWith(`${name} `))).toHaveLength(1)
    }
  })

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['CONCURRENCY', '0'],
    ['CONCURRENCY', '99999'],
    ['BEAT_MS', '5001'],
    ['SWEEP_MS', '5001'],
    ['DRAIN_MS', '99999999999999999999'],
    ['DATABASE_URL', 'mysql://db.example/tasks'],
    ['DATABASE_URL', 'postgres://[::1/tasks'],
    ['DATABASE_DIRECT_URL', 'mysql://there/tasks'],
    ['START_WAIT_MS', 'soon'],
    ['ISOLATED_MAX', '0'],
    ['REDIS_PREFIX', 'two words'],
    ['QUEUES', ' , '],
    ['TRACE_URL_TEMPLATE', 'https://traces.example/'],
    ['TRACE_URL_TEMPLATE', 'javascript:{traceId}'],
    ['SMTP_URL', 'mail.example'],
    ['BUILT_IN', 'demo.echo,demo.eccho'],
    ['EMAIL_SENDERS', 'example.com'],
    ['ALLOWED_HOSTS', 'tasks.example:8080'],
    ['NAMES_MAX', '0'],
  ])('%s=%s is one', (name, value) => {
    expect(mistakesOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} `))])
  })

  it('do not repeat what was set, which may be a secret', () => {
    expect(mistakesOf({ DATABASE_URL: 'mysql://user:hunter2@db/x', SMTP_URL: 'hunter2' }).join()).not.toContain(
      'hunter2',
    )
  })
})

describe('the built-in types', () => {
  it('for trying out are on with the embedded database alone', () => {
    expect(readConfig(allRoles, {}).builtIn).toContain('demo.sleep')
    expect(readConfig(allRoles, { DATABASE_URL: 'postgres://there' }).builtIn).toEqual(['http.request', 'email.send'])
  })

  it('are those that BUILT_IN names, which may be none', () => {
    expect(readConfig(allRoles, { BUILT_IN: 'email.send, demo.echo' }).builtIn).toEqual(['demo.echo', 'email.send'])
    expect(readConfig(allRoles, { BUILT_IN: ',' }).builtIn).toEqual([])
  })
})

describe('lists', () => {
  it('are separated by commas, blanks around names dropped', () => {
    const config = readConfig(allRoles, {
      QUEUES: 'mail, reports',
      HANDLERS: './a.ts,,b',
      HTTP_TARGET_ALLOW: '10.0.0.0/8',
    })
    expect(config).toMatchObject({
      queues: ['mail', 'reports'],
      handlers: ['./a.ts', 'b'],
      httpTargetAllow: ['10.0.0.0/8'],
    })
  })

  it('of Sentinels and Cluster nodes name several servers', () => {
    const urls = ['redis+sentinel://a:26379,b:26379/main', 'redis+cluster://a:7000,b:7001']
    for (const url of urls) expect(readConfig(allRoles, { REDIS_URL: url }).redisUrl).toBe(url)
  })
})

describe('the environment of a process under suspicion', () => {
  it('opens nothing that belongs to the fleet', () => {
    const secrets = [
      'DATABASE_URL',
      'DATABASE_DIRECT_URL',
      'REDIS_URL',
      'REDIS_PASSWORD',
      'SMTP_URL',
      'PGPASSWORD',
      'PGPASSFILE',
      'PGSERVICEFILE',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
    ]
    const given = Object.fromEntries([...secrets, 'PATH', 'OF_A_HANDLER'].map((name) => [name, 'x']))
    expect(Object.keys(readEnvironmentWithoutSecrets(given))).toEqual(['PATH', 'OF_A_HANDLER'])
  })
})
