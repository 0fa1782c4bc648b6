import { Cluster, type Redis } from 'ioredis'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { messageOf } from './errors.ts'
import { type CommandConnection, openCluster, openSocket } from './open-connection.ts'
import type { NodeAddress, RedisTarget } from './redis-url.ts'
import { checkRedis } from './server-facts.ts'

/** One command connection from its first answer to its end. */
export interface Session {
  readonly commands: CommandConnection
  readonly topology: 'one-server' | 'cluster'
  readonly warnings: readonly string[]
  /** What it lacks although it can be used: memory. */
  readonly flaw: Error | undefined
  /** Aborted when the connection is of no use any more, with the reason. */
  readonly over: AbortSignal
  readonly end: (reason: unknown) => void
}

const probeKeyTtlMs = 60_000

/**
 * Connects, asks the server what it is, goes over to a Cluster when it belongs to one, and lets it take a write.
 *
 * Throws StartupError when it is too old, RedisUnavailableError when there is none, and whatever it answered to the write.
 */
export const openSession = async (target: RedisTarget, prefix: string): Promise<Session> => {
  const first = await (target.kind === 'cluster' ? openCluster(target) : openSocket(target, 'commands'))
  const connections = [first]
  try {
    const finding = await checkRedis(first)
    if (finding.kind === 'too-old') throw new StartupError(`${finding.message} at REDIS_URL`)
    const goesOver = finding.facts?.topology === 'cluster' && target.kind === 'server'
    const commands = goesOver ? await openCluster(target) : first
    if (goesOver) {
      connections.push(commands)
      first.disconnect()
    }
    const flaw = await probe(commands, prefix)
    return { ...toSession(commands), warnings: finding.warnings, flaw }
  } catch (error) {
    for (const connection of connections) connection.disconnect()
    throw error
  }
}

const toSession = (commands: CommandConnection): Pick<Session, 'commands' | 'topology' | 'over' | 'end'> => {
  const ending = new AbortController()
  const end = (reason: unknown): void => {
    ending.abort(reason)
    commands.disconnect()
  }
  commands.once('end', () => ending.abort(new Error('the connection was closed')))
  return { commands, topology: commands instanceof Cluster ? 'cluster' : 'one-server', over: ending.signal, end }
}

/**
 * Lets the server take a small write that it refuses when it is read-only, cannot save, or has no memory left. In the last
 * case it can still be pulled from, so that is an answer and no error.
 */
export const probe = async (commands: CommandConnection, prefix: string): Promise<Error | undefined> => {
  try {
    await commands.set(`${prefix}:probe`, '1', 'PX', probeKeyTtlMs)
    return undefined
  } catch (error) {
    if (error instanceof Error && messageOf(error).startsWith('OOM ')) return error
    throw error
  }
}

/** An address in a Cluster that anything can be asked of; undefined where there is but one server. */
export const findAnyNode = (commands: CommandConnection): NodeAddress | undefined => {
  if (!(commands instanceof Cluster)) return undefined
  const { host, port } = commands.nodes('master')[0]?.options ?? {}
  return host === undefined || port === undefined ? undefined : { host, port }
}

/** The connection that leads to the server at `address`; undefined when a Cluster no longer has it. */
export const findNode = (commands: CommandConnection, address: NodeAddress | undefined): Redis | undefined => {
  if (!(commands instanceof Cluster)) return commands
  return commands.nodes().find(({ options }) => options.host === address?.host && options.port === address?.port)
}
