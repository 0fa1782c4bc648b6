import { createOncePerTurn } from '#application/mechanisms/once-per-turn.ts'
import {
  StoreOverloadedError,
  StoreUnavailableError,
  UnstorableAppendError,
} from '#application/ports/events/event-store.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { type AppendQueueLimits, type Batch, type BatchItem, createAppendQueue } from './append-queue.ts'
import { createFailedBatches } from './failed-batches.ts'
import { createLockingChoice, type Locking } from './locking.ts'
import { createPendingAppends, type PendingAppends, type VerdictDeadlines } from './pending-appends.ts'

export interface GroupCommit<Item, Verdict> {
  /** Resolves with the verdict once it is durable. Throws as `EventStore.append` does. */
  append(item: Item): Promise<Verdict>
  /** Refuses new appends and resolves when those accepted have their verdicts and no flush is under way. */
  close(): Promise<void>
}

/** Another transaction holds the head. Nothing was stored, and whether the version is right is not known yet. */
export interface Busy {
  readonly kind: 'busy'
}

/** Sends items of different streams as one transaction. Answers in their order, or throws for all of them. */
export type SendBatch<Item, Verdict> = (
  items: readonly Item[],
  locking: Locking,
) => Promise<readonly (Verdict | Busy)[]>

/** Waits for a connection and does `work` with what sends on it; a connection on which the work failed is not used again. */
export type Connect<Item, Verdict> = (
  work: (send: SendBatch<Item, Verdict>) => Promise<readonly (Verdict | Busy)[]>,
) => Promise<readonly (Verdict | Busy)[]>

export interface GroupCommitLimits extends AppendQueueLimits, VerdictDeadlines {
  readonly flushesInFlightMax: number
  /** For how long no batch waits for a held head after one has. */
  readonly skipLockedMs: number
}

export const groupCommitLimits: GroupCommitLimits = {
  flushesInFlightMax: 2,
  appendsPerFlushMax: 1_000,
  bytesPerFlushMax: 4_194_304,
  appendsWaitingMax: 20_000,
  bytesWaitingMax: 67_108_864,
  verdictDeadlineMs: 1_700,
  skipLockedMs: 1_000,
  busyDeadlineMs: 5_000,
}

/**
 * A long queue leaves before the verdicts of the flush that it waited for are told: telling some hundred takes this process
 * some milliseconds, through which the server would have nothing to do. A short queue waits until they are told: what they
 * lead to had better travel with it.
 */
const appendsOfLongQueueMin = 100

/** A flush that is under way for longer holds up no short queue, such as one whose connection has gone silent. */
const slowFlushMs = 10

/** Tells of each flush that has become slow, and counts those that are under way. */
const createSlowFlushes = (timers: Timers, onSlow: () => void) => {
  let count = 0
  return {
    count: (): number => count,
    watch: (flush: Promise<void>): Promise<void> => {
      let pace: 'quick' | 'slow' = 'quick'
      const cancel = timers.after(slowFlushMs, () => {
        pace = 'slow'
        count += 1
        onSlow()
      })
      return flush.finally(() => {
        cancel()
        if (pace === 'slow') count -= 1
      })
    },
  }
}

/**
 * Lets concurrent appends travel together: a flush takes all that waits in the moment it has a connection. Nothing waits
 * while no flush is under way, and batches grow by themselves under heavy load.
 *
 * A long queue has several flushes under way. A short one waits for the flush before it, for `slowFlushMs` at most: twice as
 * many flushes of half the size cost a process that submits one by one, and its worker, a tenth of their rate.
 *
 *   append → queue → flush: connect, take a batch, send it → its verdicts are told
 *              ↑                                           ├ busy: rests, then to the front of the queue
 *              └───────────────────────────────────────────┴ failed: back to the front, whole or in halves
 */
export const createGroupCommit = <Item extends BatchItem, Verdict>(
  connect: Connect<Item, Verdict>,
  { clock, timers }: Pick<Runtime, 'clock' | 'timers'>,
  limits: GroupCommitLimits = groupCommitLimits,
): GroupCommit<Item, Verdict> => {
  const soon = (callback: () => void): void => timers.soon(callback)
  /**
   * When the turn is over: what one verdict leads to, and what many callers ask for at once, then leaves together. A flush
   * that left with the first of them would carry that one alone.
   */
  const startFlushSoon = createOncePerTurn(soon, () => startFlush())
  const queue = createAppendQueue<Item, Verdict>(limits, startFlushSoon)
  const pending = createPendingAppends<Item, Verdict>(queue, limits, { clock, timers })
  const locking = createLockingChoice(clock, limits.skipLockedMs)
  const failedBatches = createFailedBatches(queue, pending, locking, timers)
  let flushesInFlight = 0
  const slowFlushes = createSlowFlushes(timers, () => startFlush())
  let state: 'open' | 'closing' = 'open'
  let lastFlush: PromiseWithResolvers<void> | undefined

  const startFlush = (flushesMax = limits.flushesInFlightMax): void => {
    if (flushesInFlight >= flushesMax || queue.size() === 0) return
    if (queue.size() < appendsOfLongQueueMin && flushesInFlight > slowFlushes.count()) return
    flushesInFlight += 1
    void slowFlushes.watch(flush()).finally(() => {
      flushesInFlight -= 1
      if (flushesInFlight === 0) lastFlush?.resolve()
      startFlushSoon()
    })
  }

  const flush = async (): Promise<void> => {
    const flight: Flight<Item, Verdict> = { batch: undefined }
    try {
      const verdicts = await connect((send) => sendBatch(flight, send))
      failedBatches.endOutage()
      // The connection of this flush is free, though it still counts as one.
      if (queue.size() >= appendsOfLongQueueMin) startFlush(limits.flushesInFlightMax + 1)
      settle(pending, flight.batch, verdicts)
    } catch (error) {
      await failedBatches.recover(flight.batch, error)
    }
  }

  const sendBatch = (flight: Flight<Item, Verdict>, send: SendBatch<Item, Verdict>) => {
    const taken = queue.takeBatch()
    flight.batch = { ...taken, locking: locking.choose(taken) }
    if (taken.appends.length === 0) return nothingSent
    for (const append of taken.appends) append.progress = 'sent'
    const items = taken.appends.map(({ item }) => item)
    const answer = send(items, flight.batch.locking)
    startFlush()
    return answer
  }

  return {
    append: (item) => {
      if (state === 'closing') return Promise.reject(new StoreUnavailableError('the store is closing', 'not-stored'))
      if (!queue.hasRoomFor(item)) return Promise.reject(new StoreOverloadedError('too many appends are waiting'))
      return pending.add(item)
    },
    close: async () => {
      state = 'closing'
      await pending.whenSettled()
      if (flushesInFlight === 0) return
      lastFlush ??= Promise.withResolvers()
      await lastFlush.promise
    },
  }
}

/** What a flush has taken; nothing while it waits for a connection. */
interface Flight<Item extends BatchItem, Verdict> {
  batch: Batch<Item, Verdict> | undefined
}

const nothingSent: Promise<readonly never[]> = Promise.resolve([])

/** Here each append of a flush that was answered gets its verdict, or another try. */
const settle = <Item extends BatchItem, Verdict>(
  pending: PendingAppends<Item, Verdict>,
  batch: Batch<Item, Verdict> | undefined,
  verdicts: readonly (Verdict | Busy)[],
): void => {
  batch?.appends.forEach((append, index) => {
    const verdict = verdicts[index]
    if (verdict === undefined) pending.reject(append, new UnstorableAppendError('a flush gave too few verdicts'))
    else if (isBusy(verdict)) pending.rest(append)
    else pending.resolve(append, verdict)
  })
}

const isBusy = (verdict: unknown): verdict is Busy =>
  typeof verdict === 'object' && verdict !== null && 'kind' in verdict && verdict.kind === 'busy'
