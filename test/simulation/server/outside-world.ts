import type { EffectFinding } from '#application/ports/ledger/handler-effects.ts'
import type { Host } from '../world/host.ts'
import type { Loss, Network, Server } from '../world/network.ts'

/** Services on which effects are performed, and which count what they did. */
export interface OutsideWorld extends Server {
  /** Of a service that honours keys: does what the key names, once however often it is asked. Answers the receipt. */
  performByKey(host: Host, network: Network, key: string): Promise<string>
  /** Of a service that knows no keys: does it each time. `place` says what, to those who count. */
  perform(host: Host, network: Network, place: string): Promise<string>
  /** Whether it was done. Nobody knows while a request is on its way. */
  inquire(host: Host, network: Network, place: string): Promise<EffectFinding<string>>
  /** What a person finds out, who asks until it is known. */
  look(place: string): EffectFinding<string>
  /** How often it was done. */
  performed(place: string): number
}

/** A call got no answer: `refused` when it was certainly not served. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly loss: Loss
  constructor(loss: Loss) {
    super(`the service: ${loss}`)
    this.loss = loss
  }
}

const deadlineMs = 4_000

export const createOutsideWorld = (): OutsideWorld => {
  const byKey = new Map<string, string>()
  /** The receipt of each time that it was done. */
  const receipts = new Map<string, string[]>()
  const onTheWay = new Map<string, number>()

  const takeByKey = (key: string): string => {
    const receipt = byKey.get(key) ?? `receipt ${byKey.size}`
    byKey.set(key, receipt)
    return receipt
  }

  const take = (place: string): string => {
    const done = receipts.get(place) ?? []
    const receipt = `receipt ${done.length} of ${place}`
    receipts.set(place, [...done, receipt])
    return receipt
  }

  const count = (place: string, by: 1 | -1): void => void onTheWay.set(place, (onTheWay.get(place) ?? 0) + by)

  const look = (place: string): EffectFinding<string> => {
    if ((onTheWay.get(place) ?? 0) > 0) return { outcome: 'unknown' }
    const [result] = receipts.get(place) ?? []
    return result === undefined ? { outcome: 'not-done' } : { outcome: 'done', result }
  }

  const toError = (loss: Loss): Error => new ServiceError(loss)
  const steps = ['effect'] as const
  const server: OutsideWorld = {
    name: 'outside',
    state: 'up',
    performByKey: (host, network, key) =>
      network.call({ host, server, steps, serve: async () => takeByKey(key), deadlineMs, toError }),
    perform: (host, network, place) => {
      count(place, 1)
      const serve = async (): Promise<string> => {
        count(place, -1)
        return take(place)
      }
      return network.call({ host, server, steps, serve, onLost: () => count(place, -1), deadlineMs, toError })
    },
    inquire: (host, network, place) =>
      network.call({ host, server, steps, serve: async () => look(place), deadlineMs, toError }),
    look,
    performed: (place) => receipts.get(place)?.length ?? 0,
  }
  return server
}
