import { Cluster, Redis } from 'ioredis'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { messageOf, RedisUnavailableError, withRedisDeadline } from './errors.ts'
import type { NodeAddress, RedisTarget } from './redis-url.ts'

/** Where commands are sent: to one server, or to whichever node of a Cluster has the key. */
export type CommandConnection = Redis | Cluster

/** What a connection is for; its name in CLIENT LIST is `taskfold:` and this. */
export type Purpose = 'commands' | 'waits' | 'signals'

const socketDeadlineMs = 1_000
const connectDeadlineMs = 3_000
const commandTimeoutMs = 1_000
const redirectionsMax = 4
/** How soon a node of the Cluster that came back is used again. */
const slotsRefreshEveryMs = 2_000

/**
 * One socket to the server of the target, to the master that its Sentinels name, or to `address` in a Cluster; open when
 * this resolves. It never reconnects, so that no command is kept or sent twice meanwhile: its owner opens another one.
 *
 * Throws RedisUnavailableError, and StartupError when the server has no such database.
 */
export const openSocket = async (target: RedisTarget, purpose: Purpose, address?: NodeAddress): Promise<Redis> => {
  if (target.kind === 'sentinel' && address === undefined)
    return inDatabase(target, await whenOpen(new Redis(toOptions(target, purpose, target))))
  const { host, port } = address ?? target.nodes[0] ?? {}
  return inDatabase(target, await whenOpen(new Redis(port, host, toOptions(target, purpose))))
}

/** The client library selects the database as well, but goes on in database 0 when the server refuses. */
const inDatabase = async ({ database }: RedisTarget, connection: Redis): Promise<Redis> => {
  if (database === 0) return connection
  try {
    await withRedisDeadline(connection.select(database), connectDeadlineMs)
    return connection
  } catch (error) {
    connection.disconnect()
    const said = messageOf(error)
    if (said.includes('out of range')) {
      throw new StartupError(`REDIS_URL names database ${database}, which the server does not have`, { cause: error })
    }
    throw new RedisUnavailableError(said, { cause: error })
  }
}

/** Connections to the nodes of a Cluster, each made when it is first needed. Throws RedisUnavailableError. */
export const openCluster = (target: RedisTarget): Promise<Cluster> =>
  whenOpen(
    new Cluster(
      target.nodes.map(({ host, port }) => ({ host, port })),
      {
        lazyConnect: true,
        enableOfflineQueue: false,
        clusterRetryStrategy: () => null,
        maxRedirections: redirectionsMax,
        slotsRefreshTimeout: socketDeadlineMs,
        slotsRefreshInterval: slotsRefreshEveryMs,
        redisOptions: toOptions(target, 'commands'),
        // Certificates are made out to names, so they must not be resolved before the handshake.
        ...(target.transport === 'tls' ? { dnsLookup: (host, answer) => answer(null, host) } : {}),
      },
    ),
  )

/**
 * A command without an answer fails after a second. On connections whose reads block it does not: a BZMPOP given up by the
 * client would block its connection still, so each call there has a deadline of its own.
 *
 * User and password are for the servers: Sentinels that require a password are not supported.
 */
const toOptions = (target: RedisTarget, purpose: Purpose, sentinel?: SentinelTarget) => ({
  lazyConnect: true,
  connectionName: `taskfold:${purpose}`,
  connectTimeout: socketDeadlineMs,
  ...(purpose === 'commands' ? { commandTimeout: commandTimeoutMs } : {}),
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  retryStrategy: () => null,
  db: target.database,
  ...(target.username === undefined ? {} : { username: target.username }),
  ...(target.password === undefined ? {} : { password: target.password }),
  ...(target.transport === 'tls' ? { tls: {} } : {}),
  ...(sentinel === undefined
    ? {}
    : {
        sentinels: sentinel.nodes.map(({ host, port }) => ({ host, port })),
        name: sentinel.masterName,
        sentinelRetryStrategy: () => null,
        sentinelCommandTimeout: socketDeadlineMs,
        ...(target.transport === 'tls' ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
      }),
})

type SentinelTarget = Extract<RedisTarget, { kind: 'sentinel' }>

/** Throws the reason, which comes as an event: `connect` itself rejects with "closed" and no more. */
const whenOpen = async <Connection extends CommandConnection>(connection: Connection): Promise<Connection> => {
  let reason: unknown
  connection.on('error', (error: unknown) => {
    reason ??= error
  })
  try {
    await withRedisDeadline(connection.connect(), connectDeadlineMs)
    return connection
  } catch (error) {
    connection.disconnect()
    throw new RedisUnavailableError(messageOf(reason ?? error), { cause: reason ?? error })
  }
}
