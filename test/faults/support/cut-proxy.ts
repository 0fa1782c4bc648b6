import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Stands between the product and a server, and does to their connections what networks do. */
export interface CutProxy {
  /** Where it listens, on loopback. */
  readonly port: number
  /** New connections lead to this port from now on; the present ones end. */
  retarget(port: number): void
  /** Ends all connections. */
  cut(): void
  /** Ends all connections, and each new one at once, until `accept`. */
  refuse(): void
  accept(): void
  /** Passes nothing on and ends nothing, until `release`: what was sent meanwhile arrives then. */
  hold(): void
  release(): void
  /** The next answer on each connection is lost, and the connection with it: what was asked was done, and nobody was told. */
  loseNextAnswers(): void
  close(): Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  answers: 'passed-on' | 'lost'
}

export const startCutProxy = async (firstTarget: number): Promise<CutProxy> => {
  const pairs = new Set<Pair>()
  let target = firstTarget
  let door: 'open' | 'shut' = 'open'
  let flow: 'free' | 'held' = 'free'

  const cut = (): void => {
    for (const { client, server } of pairs) {
      client.destroy()
      server.destroy()
    }
    pairs.clear()
  }

  const listener = createServer((client) => {
    if (door === 'shut') return void client.destroy()
    const pair: Pair = { client, server: connect(target, '127.0.0.1'), answers: 'passed-on' }
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      client.destroy()
      pair.server.destroy()
    }
    for (const socket of [client, pair.server]) {
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', end)
      if (flow === 'held') socket.pause()
    }
    client.on('data', (bytes) => void pair.server.write(bytes))
    pair.server.on('data', (bytes) => (pair.answers === 'lost' ? end() : void client.write(bytes)))
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  return {
    port: address.port,
    cut,
    retarget: (port) => {
      target = port
      cut()
    },
    refuse: () => {
      door = 'shut'
      cut()
    },
    accept: () => {
      door = 'open'
    },
    hold: () => {
      flow = 'held'
      for (const { client, server } of pairs) {
        client.pause()
        server.pause()
      }
    },
    release: () => {
      flow = 'free'
      for (const { client, server } of pairs) {
        client.resume()
        server.resume()
      }
    },
    loseNextAnswers: () => {
      for (const pair of pairs) pair.answers = 'lost'
    },
    close: async () => {
      cut()
      listener.close()
      await once(listener, 'close')
    },
  }
}
