import type { Lease } from '#application/runs/lease.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { Heartbeat } from '#application/ports/workers/worker-registry.ts'
import type { Incarnation } from '#domain/identifiers.ts'

/** One incarnation of a worker, from its first acknowledged beat until it must count as dead. */
export interface WorkerLease extends Lease {
  readonly heartbeat: Heartbeat
  /** Ends it, whatever its beats say. */
  end(): void
}

interface Facts {
  readonly incarnation: Incarnation
  readonly heartbeat: Heartbeat
  readonly leaseMs: number
  /** Called once, by the first `isHeld` that finds the lease over, or by `end`. */
  readonly onEnded: (lease: WorkerLease) => void
}

/** The share of a lease that a worker does not use: it must have stopped before others may take it for dead. */
const marginShare = 0.2

export const createWorkerLease = (clock: Clock, facts: Facts): WorkerLease => {
  const controller = new AbortController()
  const usableMs = facts.leaseMs * (1 - marginShare)
  let state: 'held' | 'over' = 'held'

  const end = (): void => {
    if (state === 'over') return
    state = 'over'
    controller.abort()
    facts.onEnded(lease)
  }

  const lease: WorkerLease = {
    incarnation: facts.incarnation,
    heartbeat: facts.heartbeat,
    signal: controller.signal,
    isHeld: () => {
      if (state === 'over') return false
      if (clock.monotonicMs() - facts.heartbeat.lastAcknowledgedSentAtMs() <= usableMs) return true
      end()
      return false
    },
    end,
  }
  return lease
}
