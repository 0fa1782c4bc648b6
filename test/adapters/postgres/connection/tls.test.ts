import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { settleAddress, createClient } from '#adapters/postgres/connection/database-address.ts'
import { readDatabaseSettings } from '#adapters/postgres/connection/database-settings.ts'
import { findServerAccount } from '#adapters/postgres/embedded/server-account.ts'
import { makeAuthority, makeCertificate } from '../../../support/certificates.ts'
import { type PostgresServer, startPostgresServer } from '../../../support/postgres-server.ts'

/** What each server accepts: TLS or not, both, TLS alone, and TLS with a client's certificate alone. */
type ServerName = 'clear' | 'both' | 'only-tls' | 'client-certificate'

const hba: Readonly<Record<Exclude<ServerName, 'clear'>, string>> = {
  both: 'host all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\nlocal all all scram-sha-256\n',
  'only-tls': 'hostssl all all 127.0.0.1/32 scram-sha-256\n',
  'client-certificate': 'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n',
}

const reload = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('select pg_reload_conf()')
  await client.end()
}

describe('a database URL, to a real server', () => {
  const servers = new Map<ServerName, PostgresServer>()
  let folder = ''
  const file = (name: string): string => join(folder, name)

  beforeAll(async () => {
    const account = await findServerAccount()
    folder = await mkdtemp(join(tmpdir(), 'taskfold-tls-'))
    const [authority, stranger] = [await makeAuthority('Taskfold test'), await makeAuthority('A stranger')]
    const server = await makeCertificate(authority, 'localhost', ['localhost', '127.0.0.1'])
    const client = await makeCertificate(authority, 'someone')
    const files = {
      'ca.pem': authority.certificate,
      'stranger.pem': stranger.certificate,
      'server.pem': server.certificate,
      'server.key': server.key,
      'client.pem': client.certificate,
      'client.key': client.key,
      'open.key': client.key,
      ...Object.fromEntries(Object.keys(hba).map((name) => [`${name}.conf`, hba.both])),
    }
    for (const [name, text] of Object.entries(files)) {
      await writeFile(file(name), text, { mode: name === 'open.key' ? 0o644 : 0o600 })
      if (account !== undefined && /server|conf|ca/.test(name)) await chown(file(name), account.uid, account.gid)
    }
    await chmod(folder, 0o755)
    const tls = {
      ssl: 'on',
      ssl_cert_file: file('server.pem'),
      ssl_key_file: file('server.key'),
      ssl_ca_file: file('ca.pem'),
    }
    servers.set('clear', await startPostgresServer())
    for (const name of ['both', 'only-tls', 'client-certificate'] as const) {
      const sockets = name === 'both' ? { unix_socket_directories: folder } : {}
      if (name === 'both' && account !== undefined) await chown(folder, account.uid, account.gid)
      const server = await startPostgresServer({ ...tls, ...sockets, hba_file: file(`${name}.conf`) })
      servers.set(name, server)
      // Only now: the one who started it has to get in, too.
      await writeFile(file(`${name}.conf`), hba[name])
      await reload(server.url)
    }
  }, 120_000)

  afterAll(async () => {
    for (const server of servers.values()) await server.remove()
    await rm(folder, { recursive: true, force: true })
  })

  /** Connects as the product does, and answers how the server sees the connection. */
  const connect = async (name: ServerName, query: string, host = '127.0.0.1') => {
    const url = new URL(servers.get(name)?.url ?? '')
    const text = `postgres://${url.username}:${url.password}@${host}:${url.port}/postgres?${query.replaceAll('$', `${folder}/`)}`
    const settings = readDatabaseSettings('DATABASE_URL', text, { userName: 'nobody', environment: {} })
    let seen = ''
    await settleAddress(settings, async (address) => {
      const client = createClient(address, { applicationName: 'taskfold test', connectDeadlineMs: 10_000 })
      try {
        await client.connect()
        const { rows } = await client.query<{ ssl: boolean; version: string | null }>(
          'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()',
        )
        seen = rows[0]?.ssl === true ? 'encrypted' : 'clear'
      } finally {
        await client.end()
      }
    })
    return seen
  }

  test.each<readonly [ServerName, string, 'encrypted' | 'clear']>([
    ['clear', 'sslmode=disable', 'clear'],
    ['clear', 'sslmode=allow', 'clear'],
    ['clear', 'sslmode=prefer', 'clear'],
    ['clear', '', 'clear'],
    ['both', '', 'encrypted'],
    ['both', 'sslmode=disable', 'clear'],
    ['both', 'sslmode=allow', 'clear'],
    ['both', 'sslmode=prefer', 'encrypted'],
    ['both', 'sslmode=require', 'encrypted'],
    ['both', 'ssl=true', 'encrypted'],
    ['both', 'sslmode=require&sslrootcert=$ca.pem', 'encrypted'],
    ['both', 'sslmode=prefer&sslrootcert=$stranger.pem', 'encrypted'],
    ['both', 'sslmode=verify-ca&sslrootcert=$ca.pem', 'encrypted'],
    ['both', 'sslmode=verify-full&sslrootcert=$ca.pem', 'encrypted'],
    ['both', 'sslmode=verify-full&sslrootcert=$ca.pem&ssl_min_protocol_version=TLSv1.3', 'encrypted'],
    ['only-tls', 'sslmode=allow', 'encrypted'],
    ['only-tls', '', 'encrypted'],
    ['only-tls', 'sslmode=require', 'encrypted'],
    ['client-certificate', 'sslmode=require&sslcert=$client.pem&sslkey=$client.key', 'encrypted'],
    [
      'client-certificate',
      'sslmode=verify-full&sslrootcert=$ca.pem&sslcert=$client.pem&sslkey=$client.key',
      'encrypted',
    ],
  ])('%s: ?%s is %s', async (name, query, expected) => {
    expect(await connect(name, query)).toBe(expected)
  })

  test.each<readonly [ServerName, string, RegExp]>([
    ['clear', 'sslmode=require', /does not support SSL/],
    ['clear', 'sslmode=verify-ca&sslrootcert=$ca.pem', /does not support SSL/],
    ['clear', 'sslmode=verify-full&sslrootcert=$ca.pem', /does not support SSL/],
    ['both', 'sslmode=require&sslrootcert=$stranger.pem', /verify|self-signed|issuer/],
    ['both', 'sslmode=verify-ca&sslrootcert=$stranger.pem', /verify|self-signed|issuer/],
    ['both', 'sslmode=verify-full&sslrootcert=$stranger.pem', /verify|self-signed|issuer/],
    ['both', 'sslrootcert=system', /verify|self-signed|issuer/],
    ['both', 'sslmode=verify-full&sslrootcert=$missing.pem', /missing\.pem \(sslrootcert\) could not be read: ENOENT/],
    ['both', 'sslmode=verify-full', /sslmode=verify-full needs the certificates/],
    ['only-tls', 'sslmode=disable', /no pg_hba\.conf entry/],
    ['client-certificate', 'sslmode=require', /certificate/],
    ['client-certificate', 'sslmode=require&sslcert=$client.pem&sslkey=$open.key', /may be read by others/],
  ])('%s: ?%s is refused', async (name, query, message) => {
    await expect(connect(name, query)).rejects.toThrow(message)
  })

  it('is verified against the host of the URL, and for another only up to its issuer', async () => {
    const other = `sslrootcert=$ca.pem&hostaddr=127.0.0.1`
    expect(await connect('both', `sslmode=verify-ca&${other}`, 'db.example')).toBe('encrypted')
    await expect(connect('both', `sslmode=verify-full&${other}`, 'db.example')).rejects.toThrow(/altnames/)
    expect(await connect('both', `sslmode=verify-full&${other}`, 'localhost')).toBe('encrypted')
  })

  it('goes over a Unix socket in the clear, whatever its mode', async () => {
    for (const host of [encodeURIComponent(folder), '']) {
      expect(await connect('both', `sslmode=require&${host === '' ? `host=${folder}` : ''}`, host)).toBe('clear')
    }
  })
})
