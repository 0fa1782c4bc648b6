import type { Timers } from '../ports/surroundings/clock.ts'
import { type Append, type AppendVerdict, type EventStore, UnstorableAppendError } from '../ports/events/event-store.ts'
import type { Random } from '../ports/surroundings/identities.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import { backOffMs } from '../mechanisms/back-off.ts'
import type { Lease } from './lease.ts'

export interface PersistentAppendDeps {
  readonly store: EventStore
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
}

/** `lease-lost`: the append may not be sent any more. Whether an earlier sending was stored is not known. */
export type PersistentVerdict = AppendVerdict | { readonly kind: 'lease-lost' }

/**
 * Appends, and asks again with the same id while the store is away or overloaded, for as long as the lease is in force:
 * a store that stays away ends the lease, because no beat is acknowledged either.
 *
 * Throws UnstorableAppendError only.
 */
export const appendPersistently = (
  deps: PersistentAppendDeps,
  append: Append,
  lease: Lease,
): Promise<PersistentVerdict> => {
  if (!lease.isHeld()) return Promise.resolve(leaseLost)
  return deps.store.append(append).catch((error: unknown) => appendAgain(deps, append, lease, error))
}

const leaseLost = { kind: 'lease-lost' } as const

const appendAgain = async (
  deps: PersistentAppendDeps,
  append: Append,
  lease: Lease,
  firstError: unknown,
): Promise<PersistentVerdict> => {
  if (firstError instanceof UnstorableAppendError) throw firstError
  deps.logger.debug({ taskId: append.taskId, err: firstError }, 'an append will be sent again')
  for (let failures = 0; ; failures += 1) {
    await deps.timers.sleep(backOffMs(failures, deps.random()), lease.signal)
    if (!lease.isHeld()) return leaseLost
    try {
      return await deps.store.append(append)
    } catch (error) {
      if (error instanceof UnstorableAppendError) throw error
    }
  }
}
