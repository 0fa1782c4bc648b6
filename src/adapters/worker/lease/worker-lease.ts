import type { Lease } from '#application/runs/lease.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { Heartbeat } from '#application/ports/workers/worker-registry.ts'
import type { Incarnation } from '#domain/identifiers.ts'

/** One incarnation of a worker, from its first acknowledged beat until it must be taken for dead. */
export interface WorkerLease extends Lease {
  readonly heartbeat: Heartbeat
  /** Ends it, whatever its beats say. */
  end(): void
}

interface Facts {
  readonly incarnation: Incarnation
  readonly heartbeat: Heartbeat
  readonly leaseMs: number
  /** Called once, as soon as anybody notices that it is over. */
  readonly onEnded: () => void
}

/** What of a lease a worker does not use: it must have stopped before anybody may think it dead. */
const marginShare = 0.2

export const createWorkerLease = (clock: Clock, facts: Facts): WorkerLease => {
  const controller = new AbortController()
  const usableMs = facts.leaseMs * (1 - marginShare)

  let isOver = false

  const end = (): void => {
    if (isOver) return
    isOver = true
    controller.abort()
    facts.onEnded()
  }

  return {
    incarnation: facts.incarnation,
    heartbeat: facts.heartbeat,
    signal: controller.signal,
    isHeld: () => {
      if (isOver) return false
      if (clock.monotonicMs() - facts.heartbeat.lastAcknowledgedSentAtMs() <= usableMs) return true
      end()
      return false
    },
    end,
  }
}
