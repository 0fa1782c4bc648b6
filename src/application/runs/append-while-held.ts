import { type Append, type AppendVerdict, type EventStore, UnstorableAppendError } from '../ports/events/event-store.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import { askAgain } from '../mechanisms/ask-until-answered.ts'
import type { Lease } from './lease.ts'

export interface AppendWhileHeldDeps {
  readonly store: EventStore
  readonly runtime: Runtime
}

/** `lease-lost`: the append may not be sent any more. Whether an earlier sending was stored is not known. */
export type HeldAppendVerdict = AppendVerdict | { readonly kind: 'lease-lost' }

/**
 * Appends, and sends the same append again while the store is away or overloaded, for as long as the lease is held: a store
 * that stays away ends the lease, because no beat is acknowledged either.
 *
 * Throws UnstorableAppendError only. Not async: the appends of every task pass here, and the first answer is nearly always
 * the last.
 */
export const appendWhileHeld = (
  deps: AppendWhileHeldDeps,
  append: Append,
  lease: Lease,
): Promise<HeldAppendVerdict> => {
  if (!lease.isHeld()) return Promise.resolve(leaseLost)
  return deps.store.append(append).catch((error: unknown) => appendAgain(deps, append, lease, error))
}

const leaseLost = { kind: 'lease-lost' } as const

const appendAgain = (
  { store, runtime }: AppendWhileHeldDeps,
  append: Append,
  lease: Lease,
  firstFailure: unknown,
): Promise<HeldAppendVerdict> =>
  askAgain<HeldAppendVerdict>(async () => (lease.isHeld() ? store.append(append) : leaseLost), firstFailure, {
    isPassing: (error) => !(error instanceof UnstorableAppendError),
    sleep: (delayMs) => runtime.timers.sleep(delayMs, lease.signal),
    random: runtime.random,
    onFirstFailure: (error) =>
      runtime.logger.debug({ taskId: append.taskId, err: error }, 'an append will be sent again'),
  })
