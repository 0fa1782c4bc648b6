import type { Redis } from 'ioredis'
import type { HealthCheck } from '#application/health/health.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { messageOf, RedisUnavailableError, spoilsConnection, withRedisDeadline } from './errors.ts'
import { createLinkHealth } from './link-health.ts'
import { type CommandConnection, openSocket, type Purpose } from './open-connection.ts'
import { findAnyNode, findNode, type Session } from './redis-session.ts'
import type { NodeAddress, RedisTarget } from './redis-url.ts'
import { keepSession } from './session-keeper.ts'

/**
 * The way to Redis: one connection for commands, made again whenever it is lost, and sockets of their own for what must
 * not share it.
 *
 *     connecting ──opened, checked, took a write──▶ connected
 *         ▲                                            │ closed, late, read-only
 *         └────────────── back-off, at most 1 s ───────┘
 *
 * A server counts as connected when it took a write, so one that turned read-only is left at once and asked again until
 * it, or the one that its name or its Sentinels lead to by then, is a master.
 */
export interface RedisLink {
  /** Throws RedisUnavailableError: at once while there is no connection, and within two seconds at all times. */
  run<Answer>(send: (commands: CommandConnection) => Promise<Answer>): Promise<Answer>

  /** Why the server takes no hints although it gives those it has; undefined while it takes them. */
  flaw(): Error | undefined

  /** What is there; undefined while that is not known. A Cluster behind a plain URL is found out when connecting. */
  topology(): 'one-server' | 'cluster' | undefined

  /** Stands for the present connection; another value after it was lost, when sockets may lead to a server now replaced. */
  era(): unknown

  /** A node of the Cluster that can be asked where something lies; undefined where there is but one server. */
  anyAddress(): NodeAddress | undefined

  /** A socket to the server that takes commands, or to `address` in a Cluster. Throws RedisUnavailableError. */
  openSocket(purpose: Purpose, address?: NodeAddress): Promise<Redis>

  /** Ends the blocking read of the client with that id, as if its time were over. Throws RedisUnavailableError. */
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

  const need = (): Session => {
    const session = keeper.current()
    if (session === undefined) throw new RedisUnavailableError(`Redis is away: ${health.reason()}`)
    return session
  }

  const run: RedisLink['run'] = async (send) => {
    const { commands, end } = need()
    try {
      return await withRedisDeadline(send(commands), commandDeadlineMs)
    } catch (error) {
      if (spoilsConnection(error)) end(error)
      throw new RedisUnavailableError(messageOf(error), { cause: error })
    }
  }

  return {
    run,
    flaw: () => (keeper.current() === undefined ? undefined : keeper.flaw()),
    topology: () => keeper.current()?.topology,
    era: () => keeper.current(),
    anyAddress: () => findAnyNode(need().commands),
    openSocket: async (purpose, address) => {
      need()
      return openSocket(target, purpose, address)
    },
    unblock: async (clientId, address) => {
      await run(async (commands) => findNode(commands, address)?.client('UNBLOCK', clientId))
    },
    readHealth: health.read,
    close: keeper.close,
  }
}
