import type { Locking } from './locking.ts'

/** What travels in a batch. */
export interface BatchItem {
  /** A batch holds at most one item of each stream. */
  readonly streamId: string
  /** The size of its texts. */
  readonly bytes: number
}

/** An item whose caller waits for its verdict. */
export interface PendingAppend<Item extends BatchItem, Verdict> {
  readonly item: Item
  readonly verdict: PromiseWithResolvers<Verdict>
  /** By the monotonic clock. */
  deadlineAtMs: number
  /** How long it rested when its head was last found held by another transaction; 0 when that never happened. */
  busyDelayMs: number
  /** Cancels the timer that ends its present rest. */
  endRest: (() => void) | undefined
  /** `unknown` once a batch that carried it got no answer: it may have been stored. */
  fate: 'not-stored' | 'unknown'
  progress: 'waiting' | 'sent' | 'settled'
  /** Its slot among the pending appends. */
  slot: number
}

/** Appends to different streams, sent as one transaction. */
export interface Batch<Item extends BatchItem, Verdict> {
  readonly appends: readonly PendingAppend<Item, Verdict>[]
  /** How often the server rolled it back for reasons of its own. */
  readonly rollbacks: number
  readonly locking: Locking
}

export interface AppendQueueLimits {
  readonly appendsPerFlushMax: number
  readonly bytesPerFlushMax: number
  readonly appendsWaitingMax: number
  readonly bytesWaitingMax: number
}

/** The appends that wait for a flush, in the order they came. */
export interface AppendQueue<Item extends BatchItem, Verdict> {
  /** Whether one more fits. An empty queue has room for any item. */
  hasRoomFor(item: Item): boolean
  add(append: PendingAppend<Item, Verdict>): void
  /** In front of all others, because it has waited before. */
  addInFront(append: PendingAppend<Item, Verdict>): void
  /** In front of all others, to be taken again as the batch that it was. Of several the last one is taken first. */
  putBack(batch: Batch<Item, Verdict>): void
  /** The next batch, without what was settled meanwhile. It has no appends when none waits. */
  takeBatch(): Batch<Item, Verdict>
  size(): number
  /** Makes room again for what was settled while it waited. */
  dropSettled(): void
}

/** Calls `onWaiting` whenever an append has begun to wait. */
export const createAppendQueue = <Item extends BatchItem, Verdict>(
  limits: AppendQueueLimits,
  onWaiting: () => void,
): AppendQueue<Item, Verdict> => {
  const line: PendingAppend<Item, Verdict>[] = []
  /** What was put back. The last one is taken first. */
  const returned: Batch<Item, Verdict>[] = []
  const room = createRoom(limits)

  const takeReturned = (): Batch<Item, Verdict> | undefined => {
    for (let batch = returned.pop(); batch !== undefined; batch = returned.pop()) {
      room.free(batch.appends)
      const appends = batch.appends.filter(isOpen)
      if (appends.length > 0) return { ...batch, appends }
    }
    return undefined
  }

  const takeFromLine = (): Batch<Item, Verdict> => {
    const { appends, passedBy, end } = chooseBatch(line, limits)
    room.free(line.splice(0, end, ...passedBy))
    room.take(passedBy)
    return { appends, rollbacks: 0, locking: 'optimistic' }
  }

  return {
    hasRoomFor: room.isThereFor,

    add: (append) => {
      line.push(append)
      room.takeOne(append)
      onWaiting()
    },

    addInFront: (append) => {
      line.unshift(append)
      room.takeOne(append)
      onWaiting()
    },

    putBack: (batch) => {
      returned.push(batch)
      room.take(batch.appends)
      onWaiting()
    },

    takeBatch: () => takeReturned() ?? takeFromLine(),

    size: () => room.taken(),

    dropSettled: () => {
      const waiting = line.filter(isOpen)
      room.free(line.splice(0, line.length, ...waiting))
      room.take(waiting)
    },
  }
}

/** Counts what waits against the bounds of the queue. */
const createRoom = ({ appendsWaitingMax, bytesWaitingMax }: AppendQueueLimits) => {
  interface Sized {
    readonly item: BatchItem
  }
  let count = 0
  let bytes = 0
  const takeOne = ({ item }: Sized): void => {
    count += 1
    bytes += item.bytes
  }
  return {
    isThereFor: (item: BatchItem): boolean =>
      count < appendsWaitingMax && (count === 0 || bytes + item.bytes <= bytesWaitingMax),
    takeOne,
    take: (appends: readonly Sized[]): void => appends.forEach(takeOne),
    free: (appends: readonly Sized[]): void => {
      count -= appends.length
      for (const { item } of appends) bytes -= item.bytes
    },
    taken: (): number => count,
  }
}

interface ChosenBatch<Item extends BatchItem, Verdict> {
  readonly appends: readonly PendingAppend<Item, Verdict>[]
  /** Stay in line for the next batch, because this one has an append to the same stream. */
  readonly passedBy: readonly PendingAppend<Item, Verdict>[]
  /** How many of the line were looked at: these, those and settled ones. */
  readonly end: number
}

const chooseBatch = <Item extends BatchItem, Verdict>(
  line: readonly PendingAppend<Item, Verdict>[],
  { appendsPerFlushMax, bytesPerFlushMax }: AppendQueueLimits,
): ChosenBatch<Item, Verdict> => {
  const appends: PendingAppend<Item, Verdict>[] = []
  const passedBy: PendingAppend<Item, Verdict>[] = []
  const streams = new Set<string>()
  let bytes = 0
  let end = 0
  for (const append of line) {
    if (appends.length === appendsPerFlushMax) break
    const { streamId, bytes: ownBytes } = append.item
    if (isOpen(append)) {
      if (streams.has(streamId)) passedBy.push(append)
      else if (appends.length > 0 && bytes + ownBytes > bytesPerFlushMax) break
      else {
        streams.add(streamId)
        appends.push(append)
        bytes += ownBytes
      }
    }
    end += 1
  }
  return { appends, passedBy, end }
}

const isOpen = ({ progress }: { readonly progress: 'waiting' | 'sent' | 'settled' }): boolean => progress !== 'settled'
