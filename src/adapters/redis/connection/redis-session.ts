import { Cluster, type Redis } from 'ioredis'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { messageOf } from './errors.ts'
import { type CommandConnection, openCluster, openSocket } from './open-connection.ts'
import type { NodeAddress, RedisTarget } from './redis-url.ts'
import { checkRedis } from './server-facts.ts'

/** One connection for commands, from the first write it took to its end. */
export interface RedisSession {
  readonly commands: CommandConnection
  readonly topology: 'one-server' | 'cluster'
  readonly warnings: readonly string[]
  /** The server's refusal of the first write for lack of memory: it can be pulled from all the same. */
  readonly outOfMemory: Error | undefined
  /** Aborts, with the reason, when the connection was closed or given up. */
  readonly ended: AbortSignal
  readonly end: (reason: unknown) => void
}

const probeKeyTtlMs = 60_000

/**
 * Connects, asks the server for its version and topology, changes to a Cluster connection when it belongs to a Cluster, and
 * tries a write.
 *
 * Throws StartupError for a server that is too old or has no such database, RedisUnavailableError when no connection could be made, and the server's
 * own error when it refused the write for another reason than its memory.
 */
export const openSession = async (target: RedisTarget, prefix: string): Promise<RedisSession> => {
  const first = await (target.kind === 'cluster' ? openCluster(target) : openSocket(target, 'commands'))
  const connections = [first]
  try {
    const finding = await checkRedis(first)
    if (finding.kind === 'too-old') throw new StartupError(`${finding.message} at REDIS_URL`)
    const changesToCluster = finding.facts?.topology === 'cluster' && target.kind === 'server'
    const commands = changesToCluster ? await openCluster(target) : first
    if (changesToCluster) {
      connections.push(commands)
      first.disconnect()
    }
    const outOfMemory = await tryWrite(commands, prefix)
    return toSession(commands, finding.warnings, outOfMemory)
  } catch (error) {
    for (const connection of connections) connection.disconnect()
    throw error
  }
}

const toSession = (
  commands: CommandConnection,
  warnings: readonly string[],
  outOfMemory: Error | undefined,
): RedisSession => {
  const ending = new AbortController()
  const end = (reason: unknown): void => {
    ending.abort(reason)
    commands.disconnect()
  }
  commands.once('end', () => ending.abort(new Error('the connection was closed')))
  const topology = commands instanceof Cluster ? 'cluster' : 'one-server'
  return { commands, topology, warnings, outOfMemory, ended: ending.signal, end }
}

/**
 * Tries a small write, which a server refuses when it is read-only, cannot save, or has no memory left. The last refusal is
 * an answer and no error, because such a server can still be pulled from.
 */
export const tryWrite = async (commands: CommandConnection, prefix: string): Promise<Error | undefined> => {
  try {
    await commands.set(`${prefix}:probe`, '1', 'PX', probeKeyTtlMs)
    return undefined
  } catch (error) {
    if (error instanceof Error && messageOf(error).startsWith('OOM ')) return error
    throw error
  }
}

/** The address of a master of the Cluster; undefined where there is one server. */
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
