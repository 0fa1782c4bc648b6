import { UnstorableAppendError } from '#application/ports/events/event-store.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import { classifyFailure, type FailureClass } from '../connection/errors.ts'
import type { AppendQueue, Batch, BatchItem, PendingAppend } from './append-queue.ts'
import type { LockingChoice } from './locking.ts'
import type { PendingAppends } from './pending-appends.ts'

/** What becomes of the batches that got no verdicts. */
export interface FailedBatches<Item extends BatchItem, Verdict> {
  /**
   * Puts what may be sent again back into the queue, and refuses an append that the server refused when it was alone.
   * Resolves when the flush may end: after 20 to 250 ms where the store is away. `batch` is undefined where there was no
   * connection for one.
   */
  recover(batch: Batch<Item, Verdict> | undefined, error: unknown): Promise<void>
  /** To be called when a batch got its verdicts. */
  endOutage(): void
}

/** How long a flush waits that met an outage; doubles while the outage lasts. */
const outagePauseMs = { first: 20, most: 250 }
/** How often a batch is sent again as it is that the server rolled back for reasons of its own. */
const rollbacksMax = 1

/**
 * One bad append never fails the others: a batch that the server refuses for its content is cut in two until the culprit
 * is alone. A batch whose fate is unknown is sent again as it is, with the same append ids, on another connection.
 *
 * An optimistic batch may also be refused because a head was held, or one taken to be new was not: only what is refused of
 * a batch with `skip-locked` is held against it.
 */
export const createFailedBatches = <Item extends BatchItem, Verdict>(
  queue: AppendQueue<Item, Verdict>,
  pending: PendingAppends<Item, Verdict>,
  locking: LockingChoice,
  timers: Timers,
): FailedBatches<Item, Verdict> => {
  let pauseMs = outagePauseMs.first

  /** The batch is in no queue meanwhile, or another flush would meet the same outage with it at once. */
  const putBackLater = async (batch: Batch<Item, Verdict> | undefined, error: unknown): Promise<void> => {
    pending.setStore({ away: error })
    const delayMs = pauseMs
    pauseMs = Math.min(pauseMs * 2, outagePauseMs.most)
    await timers.sleep(delayMs)
    if (batch !== undefined) queue.putBack(batch)
  }

  /** An append alone is the culprit. Of several, either half may be without it. */
  const refuse = ({ appends }: Batch<Item, Verdict>, cause: unknown): void => {
    const [first, second] = appends
    if (first !== undefined && second === undefined) {
      pending.reject(first, new UnstorableAppendError('Postgres refused the append', { cause }))
      return
    }
    const middle = Math.ceil(appends.length / 2)
    queue.putBack({ appends: appends.slice(middle), rollbacks: 0, locking: 'skip-locked' })
    queue.putBack({ appends: appends.slice(0, middle), rollbacks: 0, locking: 'skip-locked' })
  }

  return {
    recover: async (batch, error) => {
      const failure = classifyFailure(error)
      for (const append of batch?.appends ?? []) returnToLine(append, failure)
      if (batch === undefined || failure === 'unknown' || failure === 'not-taken') return putBackLater(batch, error)
      const isProved = failure === 'content' ? batch.locking === 'skip-locked' : batch.rollbacks === rollbacksMax
      if (isProved) return refuse(batch, error)
      locking.noteRollback()
      const rollbacks = batch.rollbacks + Number(failure === 'again')
      queue.putBack({ appends: batch.appends, rollbacks, locking: 'skip-locked' })
    },
    endOutage: () => {
      pauseMs = outagePauseMs.first
      pending.setStore('answering')
    },
  }
}

const returnToLine = <Item extends BatchItem, Verdict>(
  append: PendingAppend<Item, Verdict>,
  failure: FailureClass,
): void => {
  if (append.progress === 'settled') return
  append.progress = 'waiting'
  if (failure === 'unknown') append.fate = 'unknown'
}
