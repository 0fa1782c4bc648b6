import type { Host } from '../world/host.ts'
import type { Network, Server } from '../world/network.ts'

/** A service on which effects are performed: it honours keys, and counts what it was asked. */
export interface OutsideWorld extends Server {
  /** Performs what the key names, once however often it is asked; answers the receipt. */
  perform(host: Host, network: Network, key: string): Promise<string>
  /** How often the thing itself was done. */
  performed(key: string): number
}

const deadlineMs = 4_000

export const createOutsideWorld = (): OutsideWorld => {
  const receipts = new Map<string, string>()
  const counts = new Map<string, number>()

  const take = (key: string): string => {
    const known = receipts.get(key)
    if (known !== undefined) return known
    const receipt = `receipt ${receipts.size}`
    receipts.set(key, receipt)
    counts.set(key, (counts.get(key) ?? 0) + 1)
    return receipt
  }

  const server: OutsideWorld = {
    name: 'outside',
    state: 'up',
    perform: (host, network, key) =>
      network.call({
        host,
        server,
        steps: ['effect'],
        serve: async () => take(key),
        deadlineMs,
        toError: (loss) => new Error(`the service: ${loss}`),
      }),
    performed: (key) => counts.get(key) ?? 0,
  }
  return server
}
