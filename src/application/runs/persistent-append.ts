import type { Timers } from '../ports/clock.ts'
import { type Append, type AppendVerdict, type EventStore, UnstorableAppendError } from '../ports/event-store.ts'
import type { Random } from '../ports/identities.ts'
import type { Logger } from '../ports/logger.ts'
import { backOffMs } from '../mechanisms/back-off.ts'
import type { Tenure } from './lease.ts'

export interface PersistentAppendDeps {
  readonly store: EventStore
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
}

/** `tenure-over`: the append may not be sent any more. Whether an earlier sending was stored is not known. */
export type PersistentVerdict = AppendVerdict | { readonly kind: 'tenure-over' }

/**
 * Appends, and asks again with the same id while the store is away or overloaded, for as long as the tenure is in force:
 * a store that stays away ends the tenure, because no beat is acknowledged either.
 *
 * Throws UnstorableAppendError only.
 */
export const appendPersistently = (
  deps: PersistentAppendDeps,
  append: Append,
  tenure: Tenure,
): Promise<PersistentVerdict> => {
  if (!tenure.isInForce()) return Promise.resolve(tenureOver)
  return deps.store.append(append).catch((error: unknown) => appendAgain(deps, append, tenure, error))
}

const tenureOver = { kind: 'tenure-over' } as const

const appendAgain = async (
  deps: PersistentAppendDeps,
  append: Append,
  tenure: Tenure,
  firstError: unknown,
): Promise<PersistentVerdict> => {
  if (firstError instanceof UnstorableAppendError) throw firstError
  deps.logger.debug({ taskId: append.taskId, err: firstError }, 'an append will be sent again')
  for (let failures = 0; ; failures += 1) {
    await deps.timers.sleep(backOffMs(failures, deps.random()), tenure.signal)
    if (!tenure.isInForce()) return tenureOver
    try {
      return await deps.store.append(append)
    } catch (error) {
      if (error instanceof UnstorableAppendError) throw error
    }
  }
}
