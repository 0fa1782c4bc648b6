import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { EventFeed, FeedBarrier } from '../ports/events/event-feed.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import { createPeriodicLoop } from '../mechanisms/periodic-loop.ts'

/** Notices a transaction that does not end and so holds the event feed back. */
export interface FeedBarrierWatch {
  start(): void
  /** The transaction that has held the feed back for five seconds or more; undefined when there is none. */
  read(): HeldBack | undefined
  /** Resolves when the reading under way has ended. */
  close(): Promise<void>
}

export interface HeldBack extends FeedBarrier {
  /** Since this process first saw the transaction, so never more than its true age. */
  readonly heldBackMs: number
}

interface Deps {
  readonly feed: EventFeed
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

const readEveryMs = 2_000
/** An append takes milliseconds: a transaction of this age is none. */
const patienceMs = 5_000

/**
 * Ages are measured by this process's own clock, from the first reading that showed the transaction: Postgres hides the age
 * of other roles' transactions from a role without rights. Logs each transaction once.
 */
export const createFeedBarrierWatch = (deps: Deps): FeedBarrierWatch => {
  let seen: { readonly barrier: FeedBarrier; readonly sinceMs: number } | undefined
  let loggedXid: number | undefined

  const read = (): HeldBack | undefined => {
    if (seen === undefined) return undefined
    const heldBackMs = deps.clock.monotonicMs() - seen.sinceMs
    return heldBackMs < patienceMs ? undefined : { ...seen.barrier, heldBackMs }
  }

  const check = async (): Promise<void> => {
    const barrier = await deps.feed.findBarrier()
    if (barrier === undefined) seen = undefined
    else if (barrier.xid !== seen?.barrier.xid) seen = { barrier, sinceMs: deps.clock.monotonicMs() }
    const held = read()
    if (held === undefined || held.xid === loggedXid) return
    loggedXid = held.xid
    deps.logger.warn({ ...held }, 'the event feed was held back by a transaction that did not end')
  }

  const loop = createPeriodicLoop(deps, { name: 'feed barrier', pass: check, everyMs: () => readEveryMs })
  return { start: () => loop.start(), read, close: () => loop.close() }
}
