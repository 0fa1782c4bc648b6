import { describe, expect, it, test } from 'vitest'
import { type DatabaseSettings, readDatabaseSettings } from '#adapters/postgres/connection/database-settings.ts'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'

const read = (url: string, environment: Readonly<Record<string, string>> = {}): DatabaseSettings =>
  readDatabaseSettings('DATABASE_URL', url, { userName: 'someone', environment })

const mistakesOf = (url: string, environment: Readonly<Record<string, string>> = {}): readonly string[] => {
  try {
    read(url, environment)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.mistakes
    throw error
  }
}

type Expected = Partial<Omit<DatabaseSettings, 'ssl'>> & { readonly ssl?: Partial<DatabaseSettings['ssl']> }

describe('a database URL', () => {
  test.each<readonly [string, Readonly<Record<string, string>>, Expected]>([
    ['postgres://', {}, { host: '/var/run/postgresql', port: 5432, user: 'someone', database: 'someone' }],
    ['postgresql:///app', {}, { host: '/var/run/postgresql', database: 'app', user: 'someone' }],
    ['postgres://db.example/app', {}, { host: 'db.example', certificateHost: 'db.example', database: 'app' }],
    ['postgres://ann@db.example', {}, { user: 'ann', database: 'ann', password: undefined }],
    ['postgres://ann:p%40ss%3Aword@db.example:6543/app', {}, { user: 'ann', password: 'p@ss:word', port: 6543 }],
    ['postgres://ann:a:b@db.example/app', {}, { password: 'a:b' }],
    ['postgres://[::1]:6543/app', {}, { host: '::1', port: 6543 }],
    ['postgres://[2001:db8::7]/app', {}, { host: '2001:db8::7', port: 5432 }],
    ['postgres://%2Frun%2Fpg/app', {}, { host: '/run/pg', database: 'app' }],
    ['postgres://ann@/app?host=/run/pg', {}, { host: '/run/pg', user: 'ann' }],
    ['postgres://ann@localhost/app?host=/run/pg', {}, { host: '/run/pg' }],
    ['postgres://localhost/app?port=6000', {}, { port: 6000 }],
    ['postgres://localhost:7000/app?port=6000', {}, { port: 6000 }],
    ['postgres://localhost/app?dbname=other', {}, { database: 'other' }],
    ['postgres://ann@localhost/app?user=ben&password=secret', {}, { user: 'ben', password: 'secret' }],
    ['postgres://db.example/app?hostaddr=10.0.0.7', {}, { host: '10.0.0.7', certificateHost: 'db.example' }],
    ['postgres://localhost/my%20app', {}, { database: 'my app' }],
    ['postgres://localhost/app?options=-c%20search_path%3Dx', {}, { options: '-c search_path=x' }],
    ['postgres://localhost/app?application_name=reports', {}, { applicationName: 'reports' }],
    ['postgres://localhost/app?fallback_application_name=reports', {}, { applicationName: 'reports' }],
    ['postgres://localhost/app?connect_timeout=7', {}, { connectTimeoutMs: 7_000 }],
    ['postgres://localhost/app?connect_timeout=0', {}, { connectTimeoutMs: undefined }],
    ['postgres://localhost/app', {}, { ssl: { mode: 'prefer' } }],
    ['postgres://localhost/app?sslmode=require', {}, { ssl: { mode: 'require' } }],
    ['postgres://localhost/app?sslmode=verify-full', {}, { ssl: { mode: 'verify-full' } }],
    ['postgres://localhost/app?ssl=true', {}, { ssl: { mode: 'require' } }],
    ['postgres://localhost/app?sslrootcert=system', {}, { ssl: { mode: 'verify-full', rootCertificate: 'system' } }],
    ['postgres://localhost/app?sslrootcert=/ca.pem', {}, { ssl: { mode: 'prefer', rootCertificate: '/ca.pem' } }],
    [
      'postgres://localhost/app?sslcert=/c.pem&sslkey=/k.pem&sslpassword=pw',
      {},
      { ssl: { certificate: '/c.pem', key: '/k.pem', keyPassword: 'pw' } },
    ],
    ['postgres://localhost/app?ssl_min_protocol_version=tlsv1.3', {}, { ssl: { versionMin: 'TLSv1.3' } }],
    ['postgres://localhost/app?keepalives=1&keepalives_idle=30&client_encoding=UTF8', {}, { host: 'localhost' }],
    ['postgres://localhost/app?target_session_attrs=read-write&gssencmode=prefer', {}, { host: 'localhost' }],
    ['postgres://', { PGHOST: 'db.example', PGPORT: '6000', PGDATABASE: 'app' }, { host: 'db.example', port: 6000 }],
    ['postgres://', { PGUSER: 'ann', PGPASSWORD: 'secret' }, { user: 'ann', password: 'secret', database: 'ann' }],
    ['postgres://ben@localhost', { PGUSER: 'ann', PGHOST: 'other' }, { user: 'ben', host: 'localhost' }],
    ['postgres://localhost/app', { PGSSLMODE: 'require' }, { ssl: { mode: 'require' } }],
    ['postgres://localhost/app?sslmode=disable', { PGSSLMODE: 'require' }, { ssl: { mode: 'disable' } }],
    ['postgres://localhost/app', { PGAPPNAME: 'reports', PGOPTIONS: '-c x=1' }, { options: '-c x=1' }],
    ['postgres://localhost/app', { PGSSLROOTCERT: '/ca.pem' }, { ssl: { rootCertificate: '/ca.pem' } }],
  ])('%s with %j', (url, environment, expected) => {
    expect(read(url, environment)).toMatchObject(expected)
  })

  test.each<readonly [string, string]>([
    ['mysql://localhost/app', 'DATABASE_URL must be a URL that begins with postgres:// or postgresql://'],
    [
      'postgres://ann:p@ss@localhost/app',
      'DATABASE_URL has more than one @ before its host: write one in a name or password as %40',
    ],
    ['postgres://one,two/app', 'DATABASE_URL names several hosts: one is supported'],
    ['postgres://::1/app', 'DATABASE_URL has a host with a colon in it: write an IPv6 address in brackets'],
    ['postgres://localhost/%zz', 'DATABASE_URL has a % that begins no two hexadecimal digits'],
    ['postgres://localhost:99999/app', 'DATABASE_URL: the port must be a number from 1 to 65535'],
    ['postgres://localhost:abc/app', 'DATABASE_URL: the port must be a number from 1 to 65535'],
    [
      'postgres://localhost/app?sslmode=no-verify',
      'DATABASE_URL: sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full',
    ],
    ['postgres://localhost/app?uselibpqcompat=true', 'DATABASE_URL has an unknown parameter: uselibpqcompat'],
    ['postgres://localhost/app?ssl=no-verify', 'DATABASE_URL has an unknown parameter: ssl'],
    ['postgres://localhost/app?pool_max=7', 'DATABASE_URL has an unknown parameter: pool_max'],
    ['postgres://localhost/app?sslmode', 'DATABASE_URL has a parameter that is not name=value, percent-encoded'],
    [
      'postgres://localhost/app?sslrootcert=system&sslmode=require',
      'DATABASE_URL: sslrootcert=system needs sslmode=verify-full',
    ],
    [
      'postgres://localhost/app?client_encoding=latin1',
      'DATABASE_URL: client_encoding may only be utf8 or utf-8 or unicode or auto here',
    ],
    [
      'postgres://localhost/app?channel_binding=require',
      'DATABASE_URL: channel_binding may only be prefer or disable here',
    ],
    [
      'postgres://localhost/app?target_session_attrs=standby',
      'DATABASE_URL: target_session_attrs may only be any or read-write or primary here',
    ],
    ['postgres://localhost/app?connect_timeout=soon', 'DATABASE_URL: connect_timeout must be whole seconds'],
    [
      'postgres://localhost/app?ssl_min_protocol_version=SSLv3',
      'DATABASE_URL: ssl_min_protocol_version must be one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3',
    ],
  ])('%s is refused', (url, mistake) => {
    expect(mistakesOf(url)).toEqual([mistake])
  })

  it('is refused beside a variable that asks for what is not done', () => {
    expect(mistakesOf('postgres://localhost/app', { PGSERVICE: 'production' })).toEqual([
      'PGSERVICE is set: service files are not read: write the connection into DATABASE_URL',
    ])
  })

  it('is never repeated in what is said of its mistakes', () => {
    const mistakes = mistakesOf(
      'postgres://ann:hunter2@localhost:hunter2/app?sslmode=hunter2&hunter2=hunter2&port=hunter2',
    )
    expect(mistakes.length).toBeGreaterThan(1)
    expect(mistakes.join()).not.toContain('hunter2')
  })
})
