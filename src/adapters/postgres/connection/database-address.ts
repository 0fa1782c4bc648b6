import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates, type ConnectionOptions } from 'node:tls'
import pg from 'pg'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { DatabaseSettings, SslMode, TlsVersion } from './database-settings.ts'

/** Where a database is and how to sign in: plain data, so that every connection, those of threads too, is made alike. */
export interface DatabaseAddress {
  readonly host: string
  readonly certificateHost: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string | undefined
  readonly options: string | undefined
  readonly applicationName: string | undefined
  readonly connectTimeoutMs: number | undefined
  /** Undefined: in the clear. */
  readonly tls: TlsAddress | undefined
}

export interface TlsAddress {
  /** `nothing`: encrypted, but whoever answers is believed. `issuer`: signed by `certificates`. `host`: for this host, too. */
  readonly verifies: 'nothing' | 'issuer' | 'host'
  /** In PEM, those that sign. */
  readonly certificates: readonly string[] | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  readonly keyPassword: string | undefined
  readonly versionMin: TlsVersion | undefined
  readonly versionMax: TlsVersion | undefined
}

interface ClientOptions {
  readonly applicationName: string
  readonly connectDeadlineMs: number
  /** Of a pool. */
  readonly connectionsMax?: number
}

/** One connection to an address, not opened yet. It is given up after `connectDeadlineMs`, or sooner if the address says so. */
export const createClient = (address: DatabaseAddress, options: ClientOptions): pg.Client =>
  new pg.Client(toClientConfig(address, options))

/** Connections that are made when they are needed, and stay. Who waits for one gives up after `connectDeadlineMs`. */
export const createClientPool = (address: DatabaseAddress, options: Required<ClientOptions>): pg.Pool => {
  const pool = new pg.Pool(toClientConfig(address, options))
  // Of a connection that nobody uses at that moment: the pool has left it out by then.
  pool.on('error', () => {})
  return pool
}

const toClientConfig = (
  address: DatabaseAddress,
  { applicationName, connectDeadlineMs, connectionsMax }: ClientOptions,
): pg.PoolConfig => {
  const { host, port, database, user, password, certificateHost, tls } = address
  return {
    host,
    port,
    database,
    user,
    ...(password !== undefined && { password }),
    // Only when there are some: a pooler may refuse a connection that names them.
    ...(address.options !== undefined && { options: address.options }),
    application_name: address.applicationName ?? applicationName,
    ssl: tls === undefined ? false : toTlsOptions(certificateHost, tls),
    connectionTimeoutMillis: Math.min(connectDeadlineMs, address.connectTimeoutMs ?? connectDeadlineMs),
    keepAlive: true,
    ...(connectionsMax !== undefined && { max: connectionsMax }),
  }
}

/** The same address as the URL that slonik reads. What it cannot carry goes beside it: see `toTlsOptions`. */
export const toSlonikUrl = (
  address: DatabaseAddress,
  { applicationName }: { readonly applicationName: string },
): string => {
  const part = encodeURIComponent
  const password = address.password === undefined ? '' : `:${part(address.password)}`
  const query = new URLSearchParams({ application_name: address.applicationName ?? applicationName })
  if (address.options !== undefined) query.set('options', address.options)
  // Percent-encoded as a whole: so a URL takes the folder of a socket, or an IPv6 address, for a host.
  const host = part(address.host)
  return `postgres://${part(address.user)}${password}@${host}:${address.port}/${part(address.database)}?${query.toString().replaceAll('+', '%20')}`
}

export const toTlsOptions = (certificateHost: string, tls: TlsAddress): ConnectionOptions => ({
  host: certificateHost,
  rejectUnauthorized: tls.verifies !== 'nothing',
  ...(tls.verifies === 'issuer' && { checkServerIdentity: () => undefined }),
  ...(tls.certificates !== undefined && { ca: [...tls.certificates] }),
  ...(tls.certificate !== undefined && { cert: tls.certificate }),
  ...(tls.key !== undefined && { key: tls.key }),
  ...(tls.keyPassword !== undefined && { passphrase: tls.keyPassword }),
  ...(tls.versionMin !== undefined && { minVersion: tls.versionMin }),
  ...(tls.versionMax !== undefined && { maxVersion: tls.versionMax }),
})

/** For a person: host and port, or the folder of the socket; nothing secret. */
export const describeAddress = ({ host, port }: Pick<DatabaseAddress, 'host' | 'port'>): string =>
  host.startsWith('/') ? `${host}, port ${port}` : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/**
 * The addresses that settings stand for, in the order in which they are to be tried: `prefer` and `allow` are two, with and
 * without TLS. Reads the files of certificates.
 *
 * Throws StartupError with one line for a file that cannot be read, and for a mode that needs one that is not there.
 */
export const findAddresses = async (settings: DatabaseSettings): Promise<readonly DatabaseAddress[]> => {
  const { ssl, ...rest } = settings
  const inTheClear: DatabaseAddress = { ...rest, tls: undefined }
  // TLS over a Unix socket is not spoken, whatever the mode: libpq ignores it there.
  if (ssl.mode === 'disable' || settings.host.startsWith('/')) return [inTheClear]
  const encrypted: DatabaseAddress = { ...rest, tls: await readTls(settings) }
  switch (ssl.mode) {
    case 'allow':
      return [inTheClear, encrypted]
    case 'prefer':
      return [encrypted, inTheClear]
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return [encrypted]
  }
}

const readTls = async ({ ssl }: DatabaseSettings): Promise<TlsAddress> => {
  const certificates = await readRootCertificates(ssl.mode, ssl.rootCertificate)
  const certificate = await readGiven(ssl.certificate, 'postgresql.crt', 'sslcert')
  const key = certificate && (await readKey(ssl.key))
  const { keyPassword, versionMin, versionMax } = ssl
  return {
    verifies: toVerification(ssl.mode, certificates),
    certificates,
    certificate,
    key,
    keyPassword,
    versionMin,
    versionMax,
  }
}

/** `require` beside a file of certificates verifies as `verify-ca` does, as libpq documents it. */
const toVerification = (mode: SslMode, certificates: readonly string[] | undefined): TlsAddress['verifies'] => {
  if (mode === 'verify-full') return 'host'
  if (mode === 'verify-ca') return 'issuer'
  return mode === 'require' && certificates !== undefined ? 'issuer' : 'nothing'
}

const readRootCertificates = async (
  mode: SslMode,
  given: string | undefined,
): Promise<readonly string[] | undefined> => {
  if (given === 'system') return rootCertificates
  const isNeeded = mode === 'verify-ca' || mode === 'verify-full'
  const text = await readGiven(given, 'root.crt', 'sslrootcert', isNeeded ? 'needed' : 'optional')
  if (text === undefined && isNeeded) {
    throw new StartupError(
      `sslmode=${mode} needs the certificates that sign the server's: name their file with sslrootcert, or put it at ${inFolder('root.crt')}`,
    )
  }
  return text === undefined ? undefined : [text]
}

const readKey = async (given: string | undefined): Promise<string> => {
  const path = given ?? inFolder('postgresql.key')
  const text = await readText(path, 'sslkey')
  const { mode, uid } = await stat(path)
  const readableByOthers = process.platform !== 'win32' && (mode & (uid === 0 ? 0o037 : 0o077)) !== 0
  if (readableByOthers) throw new StartupError(`the key in ${path} (sslkey) may be read by others: chmod it to 0600`)
  return text
}

/** A file that was named must be there unless it is optional anyway; one at its usual place need not. */
const readGiven = async (
  given: string | undefined,
  usual: string,
  parameter: string,
  need: 'needed' | 'optional' = 'needed',
): Promise<string | undefined> => {
  const path = given ?? inFolder(usual)
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  if (!exists && (given === undefined || need === 'optional')) return undefined
  return readText(path, parameter)
}

const readText = async (path: string, parameter: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new StartupError(`the file ${path} (${parameter}) could not be read: ${code}`, { cause: error })
  }
}

const inFolder = (file: string): string => join(homedir(), '.postgresql', file)

/** What node-postgres says when the server answers the request for TLS with no. */
export const noTls = 'The server does not support SSL connections'

/**
 * The first address that answers, tried in order with one connection each. The next is tried only where the mode says so:
 * the server speaks no TLS, or its handshake failed (`prefer`), or it lets nobody in without (`allow`).
 *
 * Throws what the last connection threw.
 */
export const settleAddress = async (
  settings: DatabaseSettings,
  connect: (address: DatabaseAddress) => Promise<void>,
): Promise<DatabaseAddress> => {
  const addresses = await findAddresses(settings)
  for (const [index, address] of addresses.entries()) {
    try {
      await connect(address)
      return address
    } catch (error) {
      if (index === addresses.length - 1 || !mayTryTheOther(address, error)) throw error
    }
  }
  throw new StartupError(`no address stands for the database at ${describeAddress(settings)}`)
}

const mayTryTheOther = ({ tls }: DatabaseAddress, error: unknown): boolean => {
  if (tls === undefined) return error instanceof pg.DatabaseError && error.code === '28000'
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return error.message === noTls || /^(ERR_SSL_|EPROTO|ERR_TLS_)/.test(code) || isNoEntryWithTls(error)
}

/** `hostnossl` lines in pg_hba.conf alone: the server refuses this user over TLS. */
const isNoEntryWithTls = (error: Error): boolean => error instanceof pg.DatabaseError && error.code === '28000'
