import { limits } from './limits.ts'

/** The bodies that are on their way. */
export interface Arrivals {
  /** `cut` is called, once at most and not after its end, when the body comes too slowly or has to make room. */
  begin(cut: () => void): Arrival
  /** Ends the watch. */
  close(): void
}

/** One body on its way. */
export interface Arrival {
  /** What has come so far; whoever reads the body adds to it. */
  bytes: number
  end(): void
}

interface Options {
  readonly arrivalsMax?: number
  readonly graceMs?: number
}

interface Watched {
  readonly arrival: Arrival
  readonly begunAtMs: number
  readonly cut: () => void
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
  const onTheirWay = new Set<Watched>()

  const cut = (watched: Watched): void => {
    onTheirWay.delete(watched)
    watched.cut()
  }

  const look = setInterval(() => {
    const nowMs = performance.now()
    for (const watched of onTheirWay) if (isTooSlow(watched, nowMs - graceMs)) cut(watched)
  }, lookMs)
  look.unref()

  return {
    begin: (cutOne) => {
      const [oldest] = onTheirWay.size < arrivalsMax ? [] : onTheirWay
      if (oldest !== undefined) cut(oldest)
      const arrival: Arrival = { bytes: 0, end: () => void onTheirWay.delete(watched) }
      const watched: Watched = { arrival, begunAtMs: performance.now(), cut: cutOne }
      onTheirWay.add(watched)
      return arrival
    },
    close: () => clearInterval(look),
  }
}

const isTooSlow = ({ arrival, begunAtMs }: Watched, nowMs: number): boolean =>
  arrival.bytes < ((nowMs - begunAtMs) / 1_000) * limits.arrivalBytesPerSecondMin
