import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { EventFeed, FeedBarrier } from '../ports/events/event-feed.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import { createPeriodicLoop } from '../mechanisms/periodic-loop.ts'

/** Sees when a transaction that does not end keeps the event feed from going on. */
export interface FeedBarrierWatch {
  start(): void
  /** What holds the feed back, if something has for five seconds. */
  read(): HeldBack | undefined
  /** Resolves when the look that is under way has ended. */
  close(): Promise<void>
}

export interface HeldBack extends FeedBarrier {
  /** Since this process first saw it: at most as long as it really is. */
  readonly heldBackMs: number
}

interface Deps {
  readonly feed: EventFeed
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

const lookEveryMs = 2_000
/** An append takes milliseconds, so whatever lasts longer than this is none. */
const patienceMs = 5_000

/**
 * Judged by the number of the transaction and this process's own clock: how long a transaction of another role has been
 * running is not shown to everybody. Says in the log once of each that it holds the feed back.
 */
export const createFeedBarrierWatch = (deps: Deps): FeedBarrierWatch => {
  let seen: { readonly barrier: FeedBarrier; readonly sinceMs: number } | undefined
  let loggedXid: number | undefined

  const read = (): HeldBack | undefined => {
    if (seen === undefined) return undefined
    const heldBackMs = deps.clock.monotonicMs() - seen.sinceMs
    return heldBackMs < patienceMs ? undefined : { ...seen.barrier, heldBackMs }
  }

  const look = async (): Promise<void> => {
    const barrier = await deps.feed.findBarrier()
    if (barrier === undefined) seen = undefined
    else if (barrier.xid !== seen?.barrier.xid) seen = { barrier, sinceMs: deps.clock.monotonicMs() }
    const held = read()
    if (held === undefined || held.xid === loggedXid) return
    loggedXid = held.xid
    deps.logger.warn({ ...held }, 'the event feed was held back by a transaction that did not end')
  }

  const loop = createPeriodicLoop(deps, { name: 'feed barrier', pass: look, everyMs: () => lookEveryMs })
  return { start: () => loop.start(), read, close: () => loop.close() }
}
