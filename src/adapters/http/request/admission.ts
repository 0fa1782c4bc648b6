import { limits } from './limits.ts'
import { ProblemError } from '../problems/problems.ts'

/** Counts what is under way, and bounds it: in all, and what one client address may take of it. */
export interface Admission {
  /** Begins to count for one request, or connection, of that client address. */
  open(address: string): Holding
}

/** What one request holds. */
export interface Holding {
  /** Counts `weight` in. Throws an `overloaded` problem when there is no room for it; it is not counted then. */
  add(kind: Kind, weight: number): void
  /** The same, answering the problem. */
  tryAdd(kind: Kind, weight: number): ProblemError | undefined
  /** Counts all of it out; later calls do nothing, and later weights do not count. */
  leave(): void
}

/** A `body-byte` has arrived and is kept; an `answer-byte` was made and waits to be taken off. */
type Kind = 'connection' | 'request' | 'body-byte' | 'answer-byte' | 'stream'

export type AdmissionLimits = Readonly<Record<Kind, number>>

const limitsDefault: AdmissionLimits = {
  connection: limits.connectionsMax,
  request: limits.requestsAtOnceMax,
  'body-byte': limits.bodyBytesAtOnceMax,
  'answer-byte': limits.answerBytesAtOnceMax,
  stream: limits.streamsAtOnceMax,
}

type Weights = Record<Kind, number>

const nothing = (): Weights => ({ connection: 0, request: 0, 'body-byte': 0, 'answer-byte': 0, stream: 0 })

interface Held {
  readonly kind: Kind
  readonly weight: number
}

interface Address extends Weights {
  holdings: number
}

/** One for each process, because its limits protect the memory of the process. */
export const createAdmission = (most: Partial<AdmissionLimits> = {}): Admission => {
  const maxima = { ...limitsDefault, ...most }
  const underWay = nothing()
  const addresses = new Map<string, Address>()

  /** What one address leaves is for everybody else, whoever this is. */
  const hasRoom = (kind: Kind, weight: number, ofAddress: number): boolean =>
    underWay[kind] + weight <= maxima[kind] && ofAddress + weight <= Math.ceil(maxima[kind] * limits.shareOfOneAddress)

  return {
    open: (name) => {
      const network = toNetwork(name)
      const address = addresses.get(network) ?? { ...nothing(), holdings: 0 }
      if (address.holdings === 0) addresses.set(network, address)
      address.holdings += 1
      const held: Held[] = []
      let state: 'open' | 'left' = 'open'
      const tryAdd = (kind: Kind, weight: number): ProblemError | undefined => {
        if (state === 'left') return undefined
        if (!hasRoom(kind, weight, address[kind])) return overloaded(kind)
        underWay[kind] += weight
        address[kind] += weight
        held.push({ kind, weight })
        return undefined
      }
      return {
        tryAdd,
        add: (kind, weight) => {
          const refusal = tryAdd(kind, weight)
          if (refusal !== undefined) throw refusal
        },
        leave: () => {
          if (state === 'left') return
          state = 'left'
          for (const { kind, weight } of held) {
            underWay[kind] -= weight
            address[kind] -= weight
          }
          address.holdings -= 1
          if (address.holdings === 0) addresses.delete(network)
        },
      }
    },
  }
}

/** Whoever has one address of IPv6 has as many as a network of 64 bits has: they count as one. */
const toNetwork = (address: string): string => {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [before = '', after] = address.split('::')
  const groups = before === '' ? [] : before.split(':')
  const zeros = after === undefined ? 0 : 8 - groups.length - (after === '' ? 0 : after.split(':').length)
  return [...groups, ...Array.from({ length: zeros }, () => '0')].slice(0, 4).join(':')
}

const reasons: Readonly<Record<Kind, string>> = {
  connection: 'There are too many connections.',
  request: 'There are too many requests under way.',
  'body-byte': 'There are too many large requests under way.',
  'answer-byte': 'There are too many large answers that nobody takes off.',
  stream: 'There are too many followers of the feed.',
}

/** Seconds after which asking again may help. */
const retryAfter = { 'retry-after': '1' }

const overloaded = (kind: Kind): ProblemError =>
  new ProblemError('overloaded', `${reasons[kind]} Nothing was changed; ask again.`, { headers: retryAfter })
