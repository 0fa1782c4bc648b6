import { backOffMs } from '#application/mechanisms/back-off.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { Count } from '#application/ports/surroundings/counts.ts'
import type { Identities, Random } from '#application/ports/surroundings/identities.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Heartbeat, WorkerDescription, WorkerRegistry } from '#application/ports/workers/worker-registry.ts'
import { createWorkerLease, type WorkerLease } from './worker-lease.ts'

/**
 * Keeps a worker registered: when a lease is over it goes on as a new incarnation, and marks the old one ended, so that
 * the runs it left are taken for lost at once.
 *
 * A worker that came back under its old name would keep those runs: nobody would declare them lost, and nobody runs them.
 */
export interface LeaseKeeper {
  /** Resolves when the first beat is acknowledged. Throws StoreUnavailableError. */
  start(): Promise<void>
  /** Undefined between two incarnations. */
  current(): WorkerLease | undefined
  /** What the next beats say; once draining, always draining. */
  report(status: Parameters<Heartbeat['report']>[0]): void
  /** Resolves when the worker is no longer registered, or cannot reach the store. */
  close(): Promise<void>
}

interface Deps {
  readonly registry: WorkerRegistry
  readonly identities: Identities
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
  readonly count: Count
  /** A lease is over. Nothing may be recorded under it, and its handlers must stop. */
  readonly onEnded: (lease: WorkerLease) => void
  readonly onBegun: () => void
}

export const createLeaseKeeper = (deps: Deps, worker: Omit<WorkerDescription, 'incarnation'>): LeaseKeeper => {
  const closing = new AbortController()
  let standing: 'live' | 'draining' = 'live'
  let current: WorkerLease | undefined
  let renewing: Promise<void> | undefined

  const register = async (): Promise<void> => {
    const incarnation = deps.identities.mintIncarnation()
    const heartbeat = await deps.registry.register({ ...worker, incarnation })
    const lease: WorkerLease = createWorkerLease(deps.clock, {
      incarnation,
      heartbeat,
      leaseMs: worker.leaseMs,
      onEnded: () => endLease(lease),
    })
    if (closing.signal.aborted) return heartbeat.stop()
    current = lease
    deps.logger.info({ incarnation }, 'the worker was registered')
    deps.onBegun()
  }

  const endLease = (lease: WorkerLease): void => {
    current = undefined
    deps.onEnded(lease)
    if (closing.signal.aborted) return
    const { incarnation } = lease
    deps.count('incarnations-fenced')
    deps.logger.warn({ incarnation }, 'no beat was acknowledged in time: the worker fenced itself')
    renewing = renew(lease)
  }

  const renew = async (over: WorkerLease): Promise<void> => {
    await stopBeating(deps, over)
    for (let failures = 0; !closing.signal.aborted; failures += 1) {
      try {
        await deps.registry.end(over.incarnation)
        return await register()
      } catch (error) {
        if (failures === 0) deps.logger.warn({ err: error }, 'the worker could not be registered and will be later')
        await deps.timers.sleep(backOffMs(failures, deps.random()), closing.signal)
      }
    }
  }

  return {
    start: register,
    current: () => current,
    report: ({ running, state }) => {
      if (state === 'draining') standing = state
      current?.heartbeat.report({ running, state: standing })
    },
    close: async () => {
      closing.abort()
      await renewing
      const last = current
      if (last === undefined) return
      await stopBeating(deps, last)
      last.end()
    },
  }
}

const stopBeating = async ({ logger }: Deps, { heartbeat, incarnation }: WorkerLease): Promise<void> => {
  try {
    await heartbeat.stop()
  } catch (error) {
    logger.debug({ incarnation, err: error }, 'a worker could not be marked ended')
  }
}
