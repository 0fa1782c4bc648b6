import type { Redis } from 'ioredis'
import type { HealthCheck } from '#application/health/health.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { messageOf, RedisUnavailableError, spoilsConnection, withRedisDeadline } from './errors.ts'
import { createLinkHealth } from './link-health.ts'
import { type CommandConnection, openSocket, type Purpose } from './open-connection.ts'
import { findAnyNode, findNode, type RedisSession } from './redis-session.ts'
import type { NodeAddress, RedisTarget } from './redis-url.ts'
import { keepSession } from './session-keeper.ts'

/**
 * The way to Redis: one connection for commands, made again whenever it is lost, and on request sockets for subscriptions
 * and blocking reads, which must not share it.
 *
 *     connecting ──opened, checked, took a write──▶ connected
 *         ▲                                            │ closed, late, read-only
 *         └────────────── back-off, at most 1 s ───────┘
 *
 * A server counts as connected once it has taken a write. One that turned read-only is left at once, and connected to
 * again until the server that its name or its Sentinels lead to is a master.
 */
export interface RedisLink {
  /** Throws RedisUnavailableError: at once while there is no connection, and within two seconds at all times. */
  run<Answer>(send: (commands: CommandConnection) => Promise<Answer>): Promise<Answer>

  /** The server's refusal of writes for lack of memory, while it still gives the hints that it has; undefined otherwise. */
  outOfMemory(): Error | undefined

  /** Undefined while Redis is away. A Cluster behind a URL of one server is recognised when connecting. */
  topology(): 'one-server' | 'cluster' | undefined

  /** Another value after each loss of the connection: sockets of before may lead to a server that was replaced. */
  generation(): unknown

  /** A node of the Cluster that can be asked on which node a key lies; undefined where there is one server. */
  anyAddress(): NodeAddress | undefined

  /** A socket to the server that takes commands, or to `address` in a Cluster. Throws RedisUnavailableError. */
  openSocket(purpose: Purpose, address?: NodeAddress): Promise<Redis>

  /** Has the server end the blocking read of that client as if its time were over. Throws RedisUnavailableError. */
  unblock(clientId: number, address?: NodeAddress): Promise<void>

  readHealth(): HealthCheck
  close(): Promise<void>
}

interface Options {
  readonly target: RedisTarget
  readonly prefix: string
  readonly runtime: Omit<Runtime, 'count'>
}

const commandDeadlineMs = 2_000

/**
 * Resolves after the first attempt to connect, whether or not it succeeded: a Redis that is away is asked again for as
 * long as the link is open. Throws StartupError when a server answers that is too old.
 */
export const openRedisLink = async (options: Options): Promise<RedisLink> => {
  const { target, prefix, runtime } = options
  const health = createLinkHealth(runtime)
  const keeper = await keepSession({ target, prefix, runtime, health })

  const requireSession = (): RedisSession => {
    const session = keeper.current()
    if (session === undefined) throw new RedisUnavailableError(`Redis is away: ${health.reason()}`)
    return session
  }

  const run: RedisLink['run'] = async (send) => {
    const { commands, end } = requireSession()
    try {
      return await withRedisDeadline(send(commands), commandDeadlineMs)
    } catch (error) {
      if (spoilsConnection(error)) end(error)
      throw new RedisUnavailableError(messageOf(error), { cause: error })
    }
  }

  return {
    run,
    outOfMemory: () => (keeper.current() === undefined ? undefined : keeper.outOfMemory()),
    topology: () => keeper.current()?.topology,
    generation: () => keeper.current(),
    anyAddress: () => findAnyNode(requireSession().commands),
    openSocket: async (purpose, address) => {
      requireSession()
      return openSocket(target, purpose, address)
    },
    unblock: async (clientId, address) => {
      await run(async (commands) => findNode(commands, address)?.client('UNBLOCK', clientId))
    },
    readHealth: health.read,
    close: keeper.close,
  }
}
