import { ConfigurationError } from '#application/diagnosis/startup-error.ts'

/** The address of Redis and the access to it, parsed from REDIS_URL. */
export type RedisTarget = RedisAccess &
  (
    | { readonly kind: 'server'; readonly nodes: readonly [NodeAddress] }
    /** `nodes` are the sentinels. */
    | { readonly kind: 'sentinel'; readonly nodes: readonly NodeAddress[]; readonly masterName: string }
    /** `nodes` are some of the Cluster's; they name the others. */
    | { readonly kind: 'cluster'; readonly nodes: readonly NodeAddress[] }
  )

export interface RedisAccess {
  readonly transport: 'plain' | 'tls'
  readonly username?: string
  readonly password?: string
  /** Zero in a Cluster, which has one database. */
  readonly database: number
}

export interface NodeAddress {
  readonly host: string
  readonly port: number
}

const forms =
  'redis://host:port, rediss://host:port, redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port'
const urlPattern = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:(.*)@)?([^@/?#]+)(?:\/([^?#]*))?$/
const nodePattern = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/
const serverPort = 6_379
const sentinelPort = 26_379
const nodesMax = 100
const databaseMax = 65_535

/**
 * Parses REDIS_URL. A user and a password may come before an `@`, encoded as in every URL; a database may follow a host or
 * the name of a Sentinel's master (`/name/2`). With `rediss` in front of any form the connections are encrypted.
 *
 * Throws ConfigurationError, whose message names the variable and never shows its value.
 */
export const parseRedisUrl = (url: string): RedisTarget => {
  const match = urlPattern.exec(url.trim())
  const [, scheme, form, userInfo, hosts, path = ''] = match ?? []
  if (scheme === undefined || hosts === undefined)
    throw mistake(`must look like ${forms}, with nothing behind a ? or a #`)
  const access = { transport: scheme === 'rediss' ? 'tls' : 'plain', ...parseUserInfo(userInfo) } as const
  const nodes = parseNodes(hosts, form === 'sentinel' ? sentinelPort : serverPort)
  const parts = path.split('/').filter((part) => part !== '')
  if (form === 'sentinel') {
    const [masterName, database] = parts
    if (masterName === undefined || parts.length > 2)
      throw mistake("needs the name of the Sentinel's master behind the hosts")
    return { kind: 'sentinel', nodes, masterName: decode(masterName), ...access, database: parseDatabase(database) }
  }
  if (form === 'cluster') {
    if (parts.length > 0) throw mistake('must not name a database: a Cluster has only one')
    return { kind: 'cluster', nodes, ...access, database: 0 }
  }
  const [node, second] = nodes
  if (node === undefined || second !== undefined) {
    throw mistake('names several hosts; only redis+sentinel:// and redis+cluster:// may')
  }
  if (parts.length > 1) throw mistake('has more behind the host than the number of a database')
  return { kind: 'server', nodes: [node], ...access, database: parseDatabase(parts[0]) }
}

/** The same URL with a password that stands apart from it, unless it names a user or a password itself. */
export const withRedisPassword = (url: string, password: string | undefined): string =>
  password === undefined || url.includes('@') ? url : url.replace('://', `://:${encodeURIComponent(password)}@`)

const mistake = (text: string): ConfigurationError => new ConfigurationError([`REDIS_URL ${text}`])

const parseUserInfo = (userInfo: string | undefined): Pick<RedisAccess, 'username' | 'password'> => {
  if (userInfo === undefined) return {}
  const colon = userInfo.indexOf(':')
  const [username, password] =
    colon < 0 ? [decode(userInfo), ''] : [decode(userInfo.slice(0, colon)), decode(userInfo.slice(colon + 1))]
  if (username !== '' && password === '') throw mistake('names a user but no password')
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) }
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new ConfigurationError(
      ['REDIS_URL has a % that begins no encoded character; write %25 for the sign itself'],
      {
        cause,
      },
    )
  }
}

const parseNodes = (hosts: string, defaultPort: number): readonly NodeAddress[] => {
  const nodes = hosts.split(',').map((text): NodeAddress => {
    const [, literal, name, port = String(defaultPort)] = nodePattern.exec(text.trim()) ?? []
    const host = literal ?? name
    if (host === undefined) throw mistake(`must name each host as host:port, in a form like ${forms}`)
    if (!(Number(port) >= 1 && Number(port) <= 65_535)) throw mistake('names a port that is not 1 to 65535')
    return { host, port: Number(port) }
  })
  if (nodes.length > nodesMax) throw mistake(`names more than ${nodesMax} hosts`)
  return nodes
}

const parseDatabase = (text: string | undefined): number => {
  if (text === undefined) return 0
  if (!/^\d+$/.test(text) || Number(text) > databaseMax) throw mistake('names a database that is not a number')
  return Number(text)
}
