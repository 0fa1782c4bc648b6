import { Cluster, Redis } from 'ioredis'
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
/** A node that comes back is met again by this. */
const slotsRefreshEveryMs = 2_000

/**
 * One socket to the server of the target, to the master that its Sentinels name, or to `address` in a Cluster; open when
 * this resolves. It never reconnects: who owns it makes another one, so that nothing is hoarded or sent twice meanwhile.
 *
 * Throws RedisUnavailableError.
 */
export const openSocket = (target: RedisTarget, purpose: Purpose, address?: NodeAddress): Promise<Redis> => {
  const [seed] = target.nodes
  const way =
    target.kind === 'sentinel' && address === undefined
      ? sentinelOptions(target.nodes, target.masterName, target.transport)
      : { ...(address ?? seed) }
  return opened(new Redis({ ...socketOptions(target, purpose), ...way }))
}

/** Connections to the nodes of a Cluster, made as they are needed. Throws RedisUnavailableError. */
export const openCluster = (target: RedisTarget): Promise<Cluster> =>
  opened(
    new Cluster(
      target.nodes.map(({ host, port }) => ({ host, port })),
      {
        lazyConnect: true,
        enableOfflineQueue: false,
        clusterRetryStrategy: () => null,
        maxRedirections: redirectionsMax,
        slotsRefreshTimeout: socketDeadlineMs,
        slotsRefreshInterval: slotsRefreshEveryMs,
        redisOptions: socketOptions(target, 'commands'),
        // Certificates are made out to names, so they must not be resolved before the handshake.
        ...(target.transport === 'tls' ? { dnsLookup: (host, answer) => answer(null, host) } : {}),
      },
    ),
  )

/**
 * A command that has no answer after a second fails. Not so where reads block: a cut BZMPOP would leave the connection
 * stuck, so they have a deadline of their own, and so does whatever else is sent there.
 */
const socketOptions = (target: RedisTarget, purpose: Purpose) => ({
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
})

/** User and password are for the servers. Sentinels that want one of their own are not supported. */
const sentinelOptions = (
  sentinels: readonly NodeAddress[],
  masterName: string,
  transport: RedisTarget['transport'],
) => ({
  sentinels: sentinels.map(({ host, port }) => ({ host, port })),
  name: masterName,
  sentinelRetryStrategy: () => null,
  sentinelCommandTimeout: socketDeadlineMs,
  ...(transport === 'tls' ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
})

/** `connect` rejects with nothing but "closed"; what went wrong comes as an event. */
const opened = async <Connection extends CommandConnection>(connection: Connection): Promise<Connection> => {
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
