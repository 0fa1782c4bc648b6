import { askUntilAnswered } from '#application/mechanisms/ask-until-answered.ts'
import type { Identities } from '#application/ports/surroundings/identities.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { WorkerDescription, WorkerRegistry } from '#application/ports/workers/worker-registry.ts'
import type { Slots } from '../slots.ts'
import { createWorkerLease, type WorkerLease } from './worker-lease.ts'

/**
 * Keeps a worker registered, and its slots under a lease. When a lease is over the worker goes on as a new incarnation and
 * marks the old one ended, so that the runs it left count as lost at once, but without suspicion: it lives on.
 *
 * A worker that came back as the same incarnation would keep those runs: they would run nowhere, and never count as lost.
 */
export interface LeaseKeeper {
  /** Resolves when the first beat is acknowledged. Throws StoreUnavailableError. */
  start(): Promise<void>
  /** Gives the next beats the number of handlers and the mode of the slots. */
  report(): void
  /** Resolves when the worker is no longer registered, or cannot reach the store. */
  close(): Promise<void>
}

interface Deps {
  readonly runtime: Runtime
  readonly slots: Slots
  readonly registry: WorkerRegistry
  readonly identities: Identities
}

/**
 * ```
 *   registering ── first beat acknowledged ──▶ held ── close ──▶ closed
 *        ▲                                      │
 *        └── old incarnation marked ended ◀─────┘ no beat acknowledged in time
 * ```
 */
export const createLeaseKeeper = (
  { runtime, slots, registry, identities }: Deps,
  worker: Omit<WorkerDescription, 'incarnation'>,
): LeaseKeeper => {
  const { clock, timers, random, logger, count } = runtime
  const closing = new AbortController()
  let renewing: Promise<unknown> | undefined

  const register = async (): Promise<void> => {
    const incarnation = identities.mintIncarnation()
    const heartbeat = await registry.register({ ...worker, incarnation })
    if (closing.signal.aborted) return heartbeat.stop()
    const { leaseMs } = worker
    slots.openUnder(createWorkerLease(clock, { incarnation, heartbeat, leaseMs, onEnded: endLease }))
    logger.info({ incarnation }, 'the worker was registered')
  }

  const endLease = (lease: WorkerLease): void => {
    slots.endLease(lease)
    if (closing.signal.aborted) return
    const { incarnation } = lease
    count('incarnations-fenced')
    logger.warn({ incarnation }, 'no beat was acknowledged in time: the worker fenced itself')
    renewing = renew(lease)
  }

  const renew = async (over: WorkerLease): Promise<void> => {
    await stopBeating(logger, over, 'fenced')
    const replace = async (): Promise<void> => {
      if (closing.signal.aborted) return
      await registry.end(over.incarnation, 'fenced')
      await register()
    }
    await askUntilAnswered(replace, {
      isPassing: () => true,
      sleep: (delayMs) => timers.sleep(delayMs, closing.signal),
      random,
      onFirstFailure: (error) => logger.warn({ err: error }, 'the worker could not be registered and will be later'),
    })
  }

  return {
    start: register,
    report: () => slots.lease()?.heartbeat.report({ running: slots.counts().handlers, state: slots.mode() }),
    close: async () => {
      closing.abort()
      await renewing
      const last = slots.lease()
      if (last === undefined) return
      await stopBeating(logger, last)
      last.end()
    },
  }
}

const stopBeating = async (logger: Logger, { heartbeat, incarnation }: WorkerLease, how?: 'fenced'): Promise<void> => {
  try {
    await heartbeat.stop(how)
  } catch (error) {
    logger.debug({ incarnation, err: error }, 'a worker could not be marked ended')
  }
}
