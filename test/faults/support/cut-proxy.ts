import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type Conversation, createPlainConversation, type Part } from './conversation.ts'
import { createFlow, type Flow, type Pace } from './flow.ts'

/**
 * Stands between the product and a server, and does to their connections what networks do. Hindrances add up: each ends with
 * the call of what it answered, and the network is free again when the last one has ended.
 */
export interface CutProxy {
  /** Where it listens, on loopback. */
  readonly port: number
  /** New connections lead to this port from now on; the present ones end. */
  retarget(port: number): void
  /** Ends all connections, in order or with a reset. */
  cut(how: 'in-order' | 'reset'): void
  /** Ends all connections, and each new one at once. */
  refuse(): Release
  /** Half open: the server is gone from each connection, no client is told, and new ones are accepted and lead nowhere. */
  strand(): Release
  /** Passes nothing on in that direction and ends nothing; what was sent meanwhile arrives afterwards, its sender alive or not. */
  stall(direction: Direction | 'both'): Release
  /** Each direction carries no more than that, or begins to carry each piece only after `pauseMs`. */
  slow(pace: Pace): Release
  /** The next `count` writes, on whatever connections they come, are met by `harm`. */
  harmWrites(harm: Harm, count: number): Ambush
  close(): Promise<void>
}

export type Direction = 'to-server' | 'to-client'
export type Release = () => void

/** What befalls a write; each but the last ends its connection. */
export type Harm =
  /** Never sent: nothing was done. */
  | 'request-lost'
  /** Its first half is sent. */
  | 'request-torn'
  /** What was asked was done, and nobody was told. */
  | 'answer-lost'
  | 'answer-torn'
  /** Told, and then the connection is gone. */
  | 'cut-after-answer'
  /** Told `answerLateMs` later. */
  | 'answer-late'

export interface Ambush {
  /** How many writes were met so far. */
  readonly met: number
  /** Lets those pass that did not come. */
  end(): void
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  readonly conversation: Conversation
  readonly toServer: Flow
  readonly toClient: Flow
}

/** Longer than the product waits for any of its statements. */
const answerLateMs = 7_000
const directions = ['to-server', 'to-client'] as const

export const startCutProxy = async (
  firstTarget: number,
  createConversation: () => Conversation = createPlainConversation,
): Promise<CutProxy> => {
  const pairs = new Set<Pair>()
  const stranded = new Set<Socket>()
  const refusals = new Set<symbol>()
  const strandings = new Set<symbol>()
  const stalls = { 'to-server': new Set<symbol>(), 'to-client': new Set<symbol>() }
  const paces = new Map<symbol, Pace>()
  const ambushes: { readonly harm: Harm; left: number; met: number }[] = []
  let target = firstTarget

  const weatherOf = (direction: Direction) => ({
    isStalled: () => stalls[direction].size > 0,
    pace: () => paces.values().next().value,
  })

  const forget = (pair: Pair): void => {
    pairs.delete(pair)
    pair.toServer.drop()
    pair.toClient.drop()
  }

  const end = (pair: Pair, how: 'in-order' | 'reset' = 'in-order'): void => {
    forget(pair)
    for (const socket of [pair.client, pair.server]) {
      if (how === 'reset') socket.resetAndDestroy()
      else socket.destroy()
    }
  }

  /** The harm that lies in wait for a write, if any does. */
  const takeHarm = (part: Part, stage: 'request' | 'answer'): Harm | undefined => {
    if (part.kind !== 'write') return undefined
    const ambush = ambushes.find(({ harm, left }) => left > 0 && harm.startsWith('request') === (stage === 'request'))
    if (ambush === undefined) return undefined
    ambush.left -= 1
    ambush.met += 1
    return ambush.harm
  }

  /** Passes a part on, unless harm befalls it; answers whether the connection is still there. */
  const carry = (pair: Pair, part: Part, stage: 'request' | 'answer'): boolean => {
    const harm = takeHarm(part, stage)
    const [flow, receiver] = stage === 'request' ? [pair.toServer, pair.server] : [pair.toClient, pair.client]
    if (harm === undefined || harm === 'answer-late') {
      if (harm !== undefined) flow.hold(answerLateMs)
      flow.push(part.bytes)
      return true
    }
    forget(pair)
    const other = receiver === pair.client ? pair.server : pair.client
    if (harm.endsWith('lost')) receiver.destroy()
    else receiver.end(harm.endsWith('torn') ? part.bytes.subarray(0, part.bytes.length / 2) : part.bytes)
    other.destroy()
    return false
  }

  const accept = (client: Socket): void => {
    client.setNoDelay(true)
    client.on('error', () => {})
    if (refusals.size > 0) return void client.destroy()
    if (strandings.size > 0) {
      stranded.add(client)
      client.resume()
      client.once('close', () => stranded.delete(client))
      return
    }
    const server = connect(target, '127.0.0.1').setNoDelay(true)
    server.on('error', () => {})
    const toServer = createFlow(server, weatherOf('to-server'))
    const toClient = createFlow(client, weatherOf('to-client'))
    const pair = { client, server, conversation: createConversation(), toServer, toClient }
    pairs.add(pair)
    client.on('data', (bytes: Buffer) => {
      if (pairs.has(pair)) pair.conversation.request(bytes).every((part) => carry(pair, part, 'request'))
    })
    server.on('data', (bytes: Buffer) => {
      if (pairs.has(pair)) pair.conversation.answer(bytes).every((part) => carry(pair, part, 'answer'))
    })
    client.once('close', () => (pairs.has(pair) ? toServer.finish() : server.destroy()))
    server.once('close', () => {
      if (!pairs.has(pair)) return stranded.has(client) ? undefined : void client.destroy()
      toClient.push(pair.conversation.rest())
      toClient.finish()
    })
    // A pair is forgotten once both ends are closed, whichever came first.
    let open = 2
    for (const socket of [client, server]) socket.once('close', () => void ((open -= 1) === 0 && forget(pair)))
  }

  const listener = createServer(accept)
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  const pumpAll = (): void => {
    for (const { toServer, toClient } of pairs) {
      toServer.pump()
      toClient.pump()
    }
  }
  const cut = (how: 'in-order' | 'reset'): void => {
    for (const pair of pairs) end(pair, how)
  }
  /** What puts a mark into each set and takes it out again, once. */
  const mark = (sets: readonly Set<symbol>[], afterwards: () => void): Release => {
    const own = Symbol('hindrance')
    for (const set of sets) set.add(own)
    return () => {
      for (const set of sets) set.delete(own)
      afterwards()
    }
  }

  return {
    port: address.port,
    cut,
    retarget: (port) => {
      target = port
      cut('in-order')
    },
    refuse: () => {
      const release = mark([refusals], () => {})
      cut('in-order')
      return release
    },
    strand: () => {
      for (const pair of pairs) {
        stranded.add(pair.client)
        pair.client.once('close', () => stranded.delete(pair.client))
        forget(pair)
        pair.server.destroy()
      }
      return mark([strandings], () => {
        if (strandings.size === 0) for (const client of stranded) client.resetAndDestroy()
      })
    },
    stall: (direction) =>
      mark(
        directions.filter((one) => direction === 'both' || direction === one).map((one) => stalls[one]),
        pumpAll,
      ),
    slow: (pace) => {
      const own = Symbol('pace')
      paces.set(own, pace)
      return () => {
        paces.delete(own)
        pumpAll()
      }
    },
    harmWrites: (harm, count) => {
      const ambush = { harm, left: count, met: 0 }
      ambushes.push(ambush)
      return {
        get met() {
          return ambush.met
        },
        end: () => {
          ambush.left = 0
          const index = ambushes.indexOf(ambush)
          if (index >= 0) ambushes.splice(index, 1)
        },
      }
    },
    close: async () => {
      cut('in-order')
      for (const client of stranded) client.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}
