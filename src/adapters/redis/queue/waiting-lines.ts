import type { Redis } from 'ioredis'
import { RedisUnavailableError, withRedisDeadline } from '../connection/errors.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import type { NodeAddress } from '../connection/redis-url.ts'

/** A connection on which one read at a time may block. */
export interface Line {
  readonly socket: Redis
  /** What the server calls it, so that another connection can ask to end its read. */
  readonly clientId: number
  readonly address: NodeAddress | undefined
  /** Of the link when the line was made. */
  readonly era: unknown
}

/** The lines of one process, kept for the next read. */
export interface Lines {
  /** A line to `address`, to the only server, or to any node of a Cluster. Throws RedisUnavailableError. */
  take(address: NodeAddress | undefined): Promise<Line>
  /** Only after a read that was answered: one that was not may still be answered later. Else its socket is ended. */
  giveBack(line: Line): void
  readonly close: () => void
}

const helloDeadlineMs = 1_000

/** Whoever takes no more than `linesMax` at a time makes no more than that: one that nobody uses goes for a new one. */
export const createLines = (link: RedisLink, linesMax: number): Lines => {
  const idle: Line[] = []
  const open = new Set<Redis>()
  let state: 'open' | 'closed' = 'open'

  const openLine = async (address: NodeAddress | undefined): Promise<Line> => {
    const era = link.era()
    if (open.size >= linesMax) idle.shift()?.socket.disconnect()
    const socket = await link.openSocket('waits', address)
    open.add(socket)
    socket.once('end', () => open.delete(socket))
    try {
      if (state === 'closed') throw new RedisUnavailableError('the queue was closed')
      return { socket, clientId: await withRedisDeadline(socket.client('ID'), helloDeadlineMs), address, era }
    } catch (error) {
      socket.disconnect()
      throw error
    }
  }

  return {
    take: async (known) => {
      const address = known ?? link.anyAddress()
      for (let place = idle.length - 1; place >= 0; place -= 1) {
        const line = idle[place]
        const isSound = line?.socket.status === 'ready' && line.era === link.era()
        if (line === undefined || (isSound && !isAt(line, address))) continue
        idle.splice(place, 1)
        if (isSound) return line
        line.socket.disconnect()
      }
      return openLine(address)
    },
    giveBack: (line) => {
      if (state === 'open') idle.push(line)
      else line.socket.disconnect()
    },
    close: () => {
      state = 'closed'
      for (const socket of open) socket.disconnect()
    },
  }
}

const isAt = (line: Line, address: NodeAddress | undefined): boolean =>
  line.address?.host === address?.host && line.address?.port === address?.port
