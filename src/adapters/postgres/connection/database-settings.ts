import { ConfigurationError } from '#application/diagnosis/startup-error.ts'

/**
 * How a database is to be reached, as its URL and the `PG*` variables say, judged but not looked up yet.
 *
 * What is read, and what wins, is libpq's (PostgreSQL 16, "Database Connection Control Functions"): a parameter in the URL
 * before the part of the URL that means the same, that before the variable, that before the default.
 */
export interface DatabaseSettings {
  /** A host name, an address, or the folder of a Unix socket, which begins with `/`. */
  readonly host: string
  /** What a certificate is compared with: the host, unless `hostaddr` says where to connect. */
  readonly certificateHost: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** Undefined: the driver looks into the password file, `PGPASSFILE` or `~/.pgpass`. */
  readonly password: string | undefined
  /** Command-line options for the session, such as `-c search_path=app`. */
  readonly options: string | undefined
  readonly applicationName: string | undefined
  /** Undefined: the caller's own deadline alone. */
  readonly connectTimeoutMs: number | undefined
  readonly ssl: SslSettings
}

export interface SslSettings {
  readonly mode: SslMode
  /** A file of certificates; `system` for those that Node brings; undefined for `root.crt` in the folder of libpq, if it is there. */
  readonly rootCertificate: string | undefined
  /** Files; undefined for `postgresql.crt` and `postgresql.key` in the folder of libpq, if they are there. */
  readonly certificate: string | undefined
  readonly key: string | undefined
  readonly keyPassword: string | undefined
  readonly versionMin: TlsVersion | undefined
  readonly versionMax: TlsVersion | undefined
}

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** Whose the process is, and what its environment says: what the defaults come from. */
export interface ClientSurroundings {
  readonly userName: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

const sslModes: readonly SslMode[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']
const tlsVersions: readonly TlsVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

/** The parameters that are read here, each with the variable that stands for it. */
const variables = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
} as const

type Parameter = keyof typeof variables | 'sslpassword' | 'fallback_application_name'

/**
 * Parameters of libpq that change nothing here as long as they ask for what is done anyway; undefined: whatever they ask
 * for, because the sockets are Node's.
 */
const acceptedValues: Readonly<Record<string, readonly string[] | undefined>> = {
  client_encoding: ['utf8', 'utf-8', 'unicode', 'auto'],
  channel_binding: ['prefer', 'disable'],
  gssencmode: ['prefer', 'disable'],
  target_session_attrs: ['any', 'read-write', 'primary'],
  load_balance_hosts: ['disable'],
  sslcompression: ['0'],
  sslsni: ['1'],
  replication: ['false', 'off', 'no', '0'],
  keepalives: undefined,
  keepalives_idle: undefined,
  keepalives_interval: undefined,
  keepalives_count: undefined,
  tcp_user_timeout: undefined,
}

/** Variables that say what no connection here can do. */
const refusedVariables: Readonly<Record<string, string>> = {
  PGSERVICE: 'service files are not read: write the connection into DATABASE_URL',
  PGREQUIREAUTH: 'the method of authentication cannot be chosen',
}

const defaultPort = 5_432
/** Where Debian's and the project's own packages put the socket. */
const defaultSocketFolder = '/var/run/postgresql'

/**
 * Reads a database URL as libpq does. `name` is the variable that it came from, for the messages.
 *
 * Throws ConfigurationError with one line for each mistake. No line repeats a value: it may be a secret.
 */
export const readDatabaseSettings = (name: string, url: string, surroundings: ClientSurroundings): DatabaseSettings => {
  const mistakes: string[] = []
  const parts = splitUrl(url)
  if (typeof parts === 'string') throw new ConfigurationError([`${name} ${parts}`])
  const given = readParameters(name, parts.query, mistakes)
  for (const [variable, why] of Object.entries(refusedVariables)) {
    if ((surroundings.environment[variable] ?? '') !== '') mistakes.push(`${variable} is set: ${why}`)
  }
  const find = (parameter: Parameter, inUrl = ''): string | undefined => {
    const variable = parameter in variables ? Object.entries(variables).find(([known]) => known === parameter)?.[1] : ''
    const values = [given.get(parameter), inUrl, variable === undefined ? '' : surroundings.environment[variable]]
    return values.find((value) => value !== undefined && value !== '')
  }
  const settings = toSettings({ name, parts, find, userName: surroundings.userName, mistakes })
  if (mistakes.length > 0) throw new ConfigurationError(mistakes)
  return settings
}

interface UrlParts {
  readonly user: string
  readonly password: string
  readonly host: string
  readonly port: string
  readonly database: string
  readonly query: string
}

/** Takes a URL apart, percent-decoded; answers what is wrong with it as a clause. */
const splitUrl = (url: string): UrlParts | string => {
  const match = /^postgres(?:ql)?:\/\/(?<authority>[^/?]*)(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s.exec(url)
  if (match?.groups === undefined) return 'must be a URL that begins with postgres:// or postgresql://'
  const { authority = '', database = '', query = '' } = match.groups
  const [userInfo, hostInfo, ...rest] = authority.includes('@') ? authority.split('@') : ['', authority]
  if (rest.length > 0) return 'has more than one @ before its host: write one in a name or password as %40'
  if (hostInfo?.includes(',') === true) return 'names several hosts: one is supported'
  const place = /^(?<host>\[[^\]]*\]|[^:]*)(?::(?<port>[^:]*))?$/.exec(hostInfo ?? '')?.groups
  if (place === undefined) return 'has a host with a colon in it: write an IPv6 address in brackets'
  const [user = '', ...passwordParts] = (userInfo ?? '').split(':')
  const decoded = [user, passwordParts.join(':'), (place['host'] ?? '').replace(/^\[(.*)\]$/, '$1'), database].map(
    decode,
  )
  if (decoded.includes(undefined)) return 'has a % that begins no two hexadecimal digits'
  const [userName = '', password = '', host = '', databaseName = ''] = decoded
  return { user: userName, password, host, port: place['port'] ?? '', database: databaseName, query }
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The parameters of the query, those that change nothing left out. */
const readParameters = (name: string, query: string, mistakes: string[]): ReadonlyMap<string, string> => {
  const given = new Map<string, string>()
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const [key, value] = [pair.replace(/=.*$/s, ''), pair.replace(/^[^=]*=?/, '')].map(decode)
    if (key === undefined || value === undefined || !pair.includes('=')) {
      mistakes.push(`${name} has a parameter that is not name=value, percent-encoded`)
    } else judgeParameter(name, key, value, given, mistakes)
  }
  return given
}

const judgeParameter = (
  name: string,
  key: string,
  value: string,
  given: Map<string, string>,
  mistakes: string[],
): void => {
  if (key === 'ssl' && value === 'true') given.set('sslmode', 'require')
  else if (key in variables || key === 'sslpassword' || key === 'fallback_application_name') given.set(key, value)
  else if (!(key in acceptedValues)) {
    mistakes.push(`${name} has an unknown parameter: ${/^[A-Za-z_]{1,40}$/.test(key) ? key : 'its name is no word'}`)
  } else {
    const accepted = acceptedValues[key]
    if (accepted === undefined || accepted.includes(value.toLowerCase())) return
    mistakes.push(`${name}: ${key} may only be ${accepted.join(' or ')} here`)
  }
}

interface Sources {
  readonly name: string
  readonly parts: UrlParts
  readonly find: (parameter: Parameter, inUrl?: string) => string | undefined
  readonly userName: string
  readonly mistakes: string[]
}

const toSettings = ({ name, parts, find, userName, mistakes }: Sources): DatabaseSettings => {
  const user = find('user', parts.user) ?? userName
  const host = find('host', parts.host)
  const timeout = find('connect_timeout')
  const seconds = timeout === undefined ? 0 : Number(timeout)
  if (!Number.isInteger(seconds)) mistakes.push(`${name}: connect_timeout must be whole seconds`)
  return {
    // `hostaddr` spares the look-up of the name, which is then only what a certificate is compared with.
    host: find('hostaddr') ?? host ?? defaultSocketFolder,
    certificateHost: host ?? find('hostaddr') ?? '',
    port: toPort(name, find('port', parts.port), mistakes),
    database: find('dbname', parts.database) ?? user,
    user,
    password: find('password', parts.password),
    options: find('options'),
    applicationName: find('application_name') ?? find('fallback_application_name'),
    connectTimeoutMs: seconds > 0 ? seconds * 1_000 : undefined,
    ssl: toSslSettings(name, find, mistakes),
  }
}

const toPort = (name: string, text: string | undefined, mistakes: string[]): number => {
  if (text === undefined) return defaultPort
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) mistakes.push(`${name}: the port must be a number from 1 to 65535`)
  return port
}

const toSslSettings = (name: string, find: Sources['find'], mistakes: string[]): SslSettings => {
  const rootCertificate = find('sslrootcert')
  const text = find('sslmode')
  const mode = sslModes.find((known) => known === text)
  if (text !== undefined && mode === undefined) mistakes.push(`${name}: sslmode must be one of ${sslModes.join(', ')}`)
  const isSystem = rootCertificate === 'system'
  if (isSystem && mode !== undefined && mode !== 'verify-full') {
    mistakes.push(`${name}: sslrootcert=system needs sslmode=verify-full`)
  }
  return {
    mode: mode ?? (isSystem ? 'verify-full' : 'prefer'),
    rootCertificate,
    certificate: find('sslcert'),
    key: find('sslkey'),
    keyPassword: find('sslpassword'),
    versionMin: toTlsVersion(name, 'ssl_min_protocol_version', find, mistakes),
    versionMax: toTlsVersion(name, 'ssl_max_protocol_version', find, mistakes),
  }
}

const toTlsVersion = (
  name: string,
  parameter: 'ssl_min_protocol_version' | 'ssl_max_protocol_version',
  find: Sources['find'],
  mistakes: string[],
): TlsVersion | undefined => {
  const text = find(parameter)
  const version = tlsVersions.find((known) => known.toLowerCase() === text?.toLowerCase())
  if (text !== undefined && version === undefined) {
    mistakes.push(`${name}: ${parameter} must be one of ${tlsVersions.join(', ')}`)
  }
  return version
}
