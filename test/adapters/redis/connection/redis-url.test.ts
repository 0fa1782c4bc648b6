import { describe, expect, it } from 'vitest'
import { parsePrefix } from '#adapters/redis/queue/queue-keys.ts'
import { parseRedisUrl, withRedisPassword } from '#adapters/redis/connection/redis-url.ts'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'

const at = (host: string, port: number) => ({ host, port })
const plain = { transport: 'plain', database: 0 }

describe('a REDIS_PASSWORD', () => {
  it.each([
    ['redis://localhost:1/2', 'redis://:p%40ss%2Fw%3Ard%3F%23%25@localhost:1/2'],
    ['redis+sentinel://one,two/fleet', 'redis+sentinel://:p%40ss%2Fw%3Ard%3F%23%25@one,two/fleet'],
    ['redis://:own@localhost', 'redis://:own@localhost'],
  ])('goes into %s where that names none', (url, whole) => {
    expect(withRedisPassword(url, 'p@ss/w:rd?#%')).toBe(whole)
    expect(withRedisPassword(url, undefined)).toBe(url)
  })
})

describe('a REDIS_URL', () => {
  it.each([
    ['redis://localhost', { kind: 'server', nodes: [at('localhost', 6379)], ...plain }],
    ['redis://10.0.0.7:7000/', { kind: 'server', nodes: [at('10.0.0.7', 7000)], ...plain }],
    ['redis://localhost/3', { kind: 'server', nodes: [at('localhost', 6379)], ...plain, database: 3 }],
    ['redis://[::1]:7000', { kind: 'server', nodes: [at('::1', 7000)], ...plain }],
    [
      'rediss://cache.example:7000',
      { kind: 'server', nodes: [at('cache.example', 7000)], transport: 'tls', database: 0 },
    ],
    ['redis://:geheim@localhost', { kind: 'server', nodes: [at('localhost', 6379)], ...plain, password: 'geheim' }],
    [
      'redis://worker:p%40s%2Fs@localhost:1/15',
      { kind: 'server', nodes: [at('localhost', 1)], ...plain, database: 15, username: 'worker', password: 'p@s/s' },
    ],
    [
      'redis://u:a@b@localhost',
      { kind: 'server', nodes: [at('localhost', 6379)], ...plain, username: 'u', password: 'a@b' },
    ],
    [
      'redis://u:a/b@localhost',
      { kind: 'server', nodes: [at('localhost', 6379)], ...plain, username: 'u', password: 'a/b' },
    ],
    [
      'redis+sentinel://one:26380,two/fleet',
      { kind: 'sentinel', nodes: [at('one', 26380), at('two', 26379)], masterName: 'fleet', ...plain },
    ],
    [
      'rediss+sentinel://:x@one/fleet/2',
      {
        kind: 'sentinel',
        nodes: [at('one', 26379)],
        masterName: 'fleet',
        transport: 'tls',
        database: 2,
        password: 'x',
      },
    ],
    ['redis+cluster://one:7000,two:7001', { kind: 'cluster', nodes: [at('one', 7000), at('two', 7001)], ...plain }],
    ['rediss+cluster://one', { kind: 'cluster', nodes: [at('one', 6379)], transport: 'tls', database: 0 }],
  ])('%s is understood', (url, target) => {
    expect(parseRedisUrl(url)).toEqual(target)
  })

  it.each([
    ['', 'must look like'],
    ['localhost:6379', 'must look like'],
    ['postgres://u:geheim@localhost', 'must look like'],
    ['redis+other://u:geheim@localhost', 'must look like'],
    ['redis://u:geheim@localhost?tls=1', 'must look like'],
    ['redis://u:geheim@', 'must look like'],
    ['redis://u:geheim@local host', 'host:port'],
    ['redis://u:geheim@localhost:0', 'port'],
    ['redis://u:geheim@localhost:65536', 'port'],
    ['redis://u:geheim%@localhost', '%25'],
    ['redis://geheim@localhost', 'no password'],
    ['redis://u:geheim@localhost/queue', 'database'],
    ['redis://u:geheim@localhost/1/2', 'database'],
    ['redis://u:geheim@one,two', 'several hosts'],
    ['redis+cluster://u:geheim@one/1', 'database'],
    ['redis+sentinel://u:geheim@one:26379', 'name'],
    ['redis+sentinel://u:geheim@one/fleet/x', 'database'],
    ['redis+sentinel://u:geheim@one/fleet/1/2', 'name'],
  ])('%s is refused by name of the variable and without its secrets', (url, part) => {
    const error = catchError(() => parseRedisUrl(url))
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error.message).toMatch(/^REDIS_URL /)
    expect(error.message).toContain(part)
    expect(error.message).not.toMatch(/geh/)
  })
})

describe('a REDIS_PREFIX', () => {
  it('is letters, digits and a few signs', () => {
    expect(parsePrefix('team-a:taskfold_2.x/y')).toBe('team-a:taskfold_2.x/y')
  })

  it.each(['', 'a{b', 'a}b', 'a b', 'ä', 'x'.repeat(101)])('is not %j', (prefix) => {
    expect(() => parsePrefix(prefix)).toThrow(/^REDIS_PREFIX /)
  })
})

const catchError = (call: () => unknown): Error => {
  try {
    call()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was thrown')
}
