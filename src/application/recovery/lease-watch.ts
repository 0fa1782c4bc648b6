import type { Incarnation } from '#domain/identifiers.ts'

/** One reading of the whole registry, and of the incarnations that heads name as running. */
export interface Reading {
  /** When the reading was asked for, by the monotonic clock. */
  readonly askedAtMs: number
  readonly answeredAtMs: number
  readonly watched: ReadonlyMap<Incarnation, WatchedLease>
}

export interface WatchedLease {
  /** The beat counter, or undefined when there is no row. */
  readonly beat: number | undefined
  readonly leaseMs: number
}

/**
 * Tells which workers have lost their lease: they gave no sign of life for all of it, by this process's own monotonic clock.
 *
 * ```
 *   first seen ──▶ watching ── same beat for a whole lease ──▶ silent
 *                   ▲    │
 *                   └────┘ another beat, or more than a third of the lease between two readings
 * ```
 *
 * Every span is taken at its shortest for silence and at its longest for gaps, so that neither a slow answer nor a pause
 * of this process, nor an outage of the database, makes a living worker look dead.
 */
export interface LeaseWatch {
  /** Takes in one reading and answers the incarnations that are silent by it. One that is not in it is forgotten. */
  observe(reading: Reading): readonly Incarnation[]
}

interface Watch {
  readonly beat: number | undefined
  /** When the reading that first showed this beat was answered. */
  readonly sinceMs: number
}

export const createLeaseWatch = (): LeaseWatch => {
  let watches = new Map<Incarnation, Watch>()
  let lastAskedAtMs = Number.NEGATIVE_INFINITY

  return {
    observe: ({ askedAtMs, answeredAtMs, watched }) => {
      const gapMs = answeredAtMs - lastAskedAtMs
      const next = new Map<Incarnation, Watch>()
      const silent: Incarnation[] = []
      for (const [incarnation, { beat, leaseMs }] of watched) {
        const before = watches.get(incarnation)
        const goesOn = before !== undefined && before.beat === beat && gapMs <= leaseMs / readingsPerLeaseMin
        const watch = goesOn ? before : { beat, sinceMs: answeredAtMs }
        next.set(incarnation, watch)
        if (askedAtMs - watch.sinceMs >= leaseMs) silent.push(incarnation)
      }
      watches = next
      lastAskedAtMs = askedAtMs
      return silent
    },
  }
}

const readingsPerLeaseMin = 3
