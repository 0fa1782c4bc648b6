import {
  StoreOverloadedError,
  StoreUnavailableError,
  UnstorableAppendError,
} from '#application/ports/events/event-store.ts'
import { createBatchSender, type Flush } from './batch-sender.ts'
import { createOpenMembers } from './open-members.ts'
import { createWaitingLine, type LineLimits, type Parcel } from './waiting-line.ts'

export interface GroupCommit<Item, Verdict> {
  /** Resolves with the verdict once it is durable. Throws as `EventStore.append` does. */
  append(item: Item): Promise<Verdict>
  /** Refuses new appends and resolves when those accepted have their verdicts and no flush is under way. */
  close(): Promise<void>
}

export interface GroupCommitLimits extends LineLimits {
  readonly flushesInFlightMax: number
  /** How long a caller waits for its verdict: a store that is away must show within two seconds. */
  readonly verdictDeadlineMs: number
  /** How long no batch may wait for a held head after one has. */
  readonly skipLockedMs: number
  /** How long an append is tried again while somebody else holds its head. */
  readonly busyDeadlineMs: number
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
 * A long line leaves before the verdicts of the flush that it waited for are told: that takes this process some
 * milliseconds for some hundred of them, through which the server would have nothing to do. With fewer the line is short,
 * and what the verdicts lead to had better travel with it.
 */
const appendsOfLongLineMin = 100

/**
 * Lets concurrent appends travel together: a flush leaves as soon as a connection is free, with all that has gathered by
 * then. There is no timer, so nothing waits at light load, and batches grow by themselves under heavy load.
 */
export const createGroupCommit = <Item extends Parcel, Verdict>(
  flush: Flush<Item, Verdict>,
  limits: GroupCommitLimits = groupCommitLimits,
): GroupCommit<Item, Verdict> => {
  const line = createWaitingLine<Item, Verdict>(limits)
  const open = createOpenMembers<Item, Verdict>(() => {
    line.dropSettled()
    endWhenDone()
  })
  let flushesInFlight = 0
  let closing: PromiseWithResolvers<void> | undefined

  const send = createBatchSender(flush, {
    onVerdict: open.resolve,
    onRefused: (member, cause) =>
      open.reject(member, new UnstorableAppendError('Postgres refused the append', { cause })),
    // Somebody holds the head: try again a little later, without keeping anybody else waiting.
    onBusy: (member) => {
      open.rest(member, limits.busyDeadlineMs, () => {
        line.joinInFront(member)
        pumpSoon()
      })
    },
    onStore: open.setStore,
    // Its connection is free, though it still counts.
    onAnswered: () => {
      if (line.size() >= appendsOfLongLineMin) pump(limits.flushesInFlightMax + 1)
    },
    skipLockedMs: limits.skipLockedMs,
  })

  /**
   * When the turn is over: what one verdict leads to, and what many callers ask for at once, then leaves together. A flush
   * that left with the first of them would carry that one alone.
   */
  const pumpSoon = createOncePerTurn(() => pump())

  const pump = (flushesMax = limits.flushesInFlightMax): void => {
    while (flushesInFlight < flushesMax) {
      const batch = line.takeBatch()
      if (batch.length === 0) return
      flushesInFlight += 1
      void send(batch).finally(() => {
        flushesInFlight -= 1
        pumpSoon()
        endWhenDone()
      })
    }
  }

  const endWhenDone = (): void => {
    if (flushesInFlight === 0 && open.size() === 0) closing?.resolve()
  }

  return {
    append: (item) => {
      if (closing !== undefined) return Promise.reject(new StoreUnavailableError('the store is closing', 'not-stored'))
      if (!line.hasRoomFor(item)) return Promise.reject(new StoreOverloadedError('too many appends are waiting'))
      const member = open.add(item, limits.verdictDeadlineMs)
      line.join(member)
      pumpSoon()
      return member.verdict.promise
    },
    close: async () => {
      closing ??= Promise.withResolvers()
      endWhenDone()
      await closing.promise
    },
  }
}

/** Calls `callback` once when the turn is over, however often it was asked to meanwhile. */
const createOncePerTurn = (callback: () => void): (() => void) => {
  let state: 'none' | 'coming' = 'none'
  return () => {
    if (state === 'coming') return
    state = 'coming'
    setImmediate(() => {
      state = 'none'
      callback()
    })
  }
}
