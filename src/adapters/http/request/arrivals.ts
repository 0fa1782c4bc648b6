import { limits } from './limits.ts'

/** The bodies that are on their way. */
export interface Arrivals {
  /** `cut` is called, once at most and not after its end, when the body comes too slowly or has to make room. */
  begin(cut: () => void): Arrival
  /** The body has come, or was given up. */
  end(arrival: Arrival): void
  /** Ends the watch. */
  close(): void
}

/** One body on its way. */
export interface Arrival {
  /** What has come so far; whoever reads the body adds to it. */
  bytes: number
  /** How many looks there were before it. */
  readonly begunAt: number
  readonly cut: () => void
}

interface Options {
  readonly arrivalsMax?: number
  readonly graceMs?: number
}

const lookMs = 1_000

/**
 * A client that announces a body and sends little of it holds a request and a connection. Bodies keep a least pace, and when
 * there are too many of them the one that has been on its way for the longest makes room: an honest one is here at once.
 */
export const createArrivals = ({
  arrivalsMax = limits.arrivalsMax,
  graceMs = limits.arrivalGraceMs,
}: Options = {}): Arrivals => {
  // In the order in which they began.
  const onTheirWay = new Set<Arrival>()

  const cut = (arrival: Arrival): void => {
    onTheirWay.delete(arrival)
    arrival.cut()
  }

  const cutOldest = (): void => {
    const [oldest] = onTheirWay
    if (oldest !== undefined) cut(oldest)
  }

  // Counts the seconds: a look at the clock for each body would cost more than all else here.
  let looks = 0
  const look = setInterval(() => {
    looks += 1
    for (const arrival of onTheirWay) {
      if (isTooSlow(arrival, (looks - arrival.begunAt) * lookMs - graceMs)) cut(arrival)
    }
  }, lookMs)
  look.unref()

  return {
    begin: (cutOne) => {
      if (onTheirWay.size >= arrivalsMax) cutOldest()
      const arrival: Arrival = { bytes: 0, begunAt: looks, cut: cutOne }
      onTheirWay.add(arrival)
      return arrival
    },
    end: (arrival) => void onTheirWay.delete(arrival),
    close: () => clearInterval(look),
  }
}

const isTooSlow = ({ bytes }: Arrival, sinceMs: number): boolean =>
  bytes < (sinceMs / 1_000) * limits.arrivalBytesPerSecondMin
