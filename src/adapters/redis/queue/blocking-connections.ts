import type { Redis } from 'ioredis'
import { RedisUnavailableError, withRedisDeadline } from '../connection/errors.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import type { NodeAddress } from '../connection/redis-url.ts'

/** The connections of one process on which reads block, kept for the next read. */
export interface BlockingConnections {
  /** One to `address`, to the only server, or to any node of a Cluster. Throws RedisUnavailableError. */
  take(address: NodeAddress | undefined): Promise<BlockingConnection>
  /** For the next read. Not after a read without an answer, which may still come: end its socket instead. */
  giveBack(connection: BlockingConnection): void
  readonly close: () => void
}

/** A connection on which one read at a time may block. */
export interface BlockingConnection {
  readonly socket: Redis
  /** The server's number for it, by which another connection can ask to end its read. */
  readonly clientId: number
  readonly address: NodeAddress | undefined
  /** That of the link when the connection was made. */
  readonly generation: unknown
}

const helloDeadlineMs = 1_000

/**
 * A caller that takes at most `connectionsMax` at a time has no more than that open: an idle connection is ended before one
 * more is made.
 */
export const createBlockingConnections = (link: RedisLink, connectionsMax: number): BlockingConnections => {
  const idle: BlockingConnection[] = []
  const open = new Set<Redis>()
  let state: 'open' | 'closed' = 'open'

  const connect = async (address: NodeAddress | undefined): Promise<BlockingConnection> => {
    const generation = link.generation()
    if (open.size >= connectionsMax) idle.shift()?.socket.disconnect()
    const socket = await link.openSocket('waits', address)
    open.add(socket)
    socket.once('end', () => open.delete(socket))
    try {
      if (state === 'closed') throw new RedisUnavailableError('the queue was closed')
      const clientId = await withRedisDeadline(socket.client('ID'), helloDeadlineMs)
      return { socket, clientId, address, generation }
    } catch (error) {
      socket.disconnect()
      throw error
    }
  }

  return {
    take: async (known) => {
      const address = known ?? link.anyAddress()
      for (let place = idle.length - 1; place >= 0; place -= 1) {
        const connection = idle[place]
        const isSound = connection?.socket.status === 'ready' && connection.generation === link.generation()
        if (connection === undefined || (isSound && !isAt(connection, address))) continue
        idle.splice(place, 1)
        if (isSound) return connection
        connection.socket.disconnect()
      }
      return connect(address)
    },
    giveBack: (connection) => {
      if (state === 'open') idle.push(connection)
      else connection.socket.disconnect()
    },
    close: () => {
      state = 'closed'
      for (const socket of open) socket.disconnect()
    },
  }
}

const isAt = (connection: BlockingConnection, address: NodeAddress | undefined): boolean =>
  connection.address?.host === address?.host && connection.address?.port === address?.port
