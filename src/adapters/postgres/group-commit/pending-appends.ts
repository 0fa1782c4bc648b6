import { createSlotTable } from '#application/mechanisms/slot-table.ts'
import { StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { toOutage } from '../connection/outage.ts'
import type { AppendQueue, BatchItem, PendingAppend } from './append-queue.ts'

/** The appends without a verdict, wherever they are: in the queue, sent, or at rest. Here each of them ends. */
export interface PendingAppends<Item extends BatchItem, Verdict> {
  /** Puts an item into the queue and resolves with its verdict. */
  add(item: Item): Promise<Verdict>
  resolve(append: PendingAppend<Item, Verdict>, verdict: Verdict): void
  reject(append: PendingAppend<Item, Verdict>, error: Error): void
  /**
   * Puts an append whose head is held back into the queue, after 5 ms that double to 200. Its first rest sets a new
   * deadline, of `busyDeadlineMs`.
   */
  rest(append: PendingAppend<Item, Verdict>): void
  /** What the latest flush showed of the store, or the error that it met: a deadline that passes says so to its caller. */
  setStore(state: StoreState): void
  /** Resolves when all that were added have their verdicts. */
  whenSettled(): Promise<void>
}

type StoreState = 'answering' | { readonly away: unknown }

export interface VerdictDeadlines {
  /** How long a caller waits for its verdict: a store that is away must show within two seconds. */
  readonly verdictDeadlineMs: number
  /** How long an append is tried again while another transaction holds its head. */
  readonly busyDeadlineMs: number
}

const busyDelayMs = { first: 5, most: 200 }
const deadlineCheckMs = 50
/** A check that comes so late was held up by a handler, and the answers of the meantime are not read yet. */
const heldUpMs = 500

/** Tells of each check whether it comes late. The first one after a pause does, which costs nothing: the next comes soon. */
const createHeldUpCheck = (): ((nowMs: number) => boolean) => {
  let checkedAtMs = performance.now()
  return (nowMs) => {
    const isLate = nowMs - checkedAtMs > heldUpMs
    checkedAtMs = nowMs
    return isLate
  }
}

export const createPendingAppends = <Item extends BatchItem, Verdict>(
  queue: AppendQueue<Item, Verdict>,
  { verdictDeadlineMs, busyDeadlineMs }: VerdictDeadlines,
): PendingAppends<Item, Verdict> => {
  // See slot-table.ts: every append of every task passes through here.
  const pending = createSlotTable<PendingAppend<Item, Verdict>>()
  let store: StoreState = 'answering'
  let deadlineTimer: NodeJS.Timeout | undefined
  const isHeldUp = createHeldUpCheck()
  let settled: PromiseWithResolvers<void> | undefined

  const settle = (append: PendingAppend<Item, Verdict>): void => {
    if (append.progress === 'settled') return
    append.progress = 'settled'
    clearTimeout(append.restTimer)
    pending.remove(append.slot)
    if (pending.size() === 0) settled?.resolve()
  }

  /** One timer for all of them: a timer for each append costs more than what it guards. */
  const checkDeadlines = (): void => {
    const now = performance.now()
    if (isHeldUp(now)) return
    const late = pending.values().filter((append) => append.deadlineAtMs <= now)
    for (const append of late) {
      append.verdict.reject(toLateError(append, store))
      settle(append)
    }
    if (late.length > 0) queue.dropSettled()
    if (pending.size() > 0) return
    clearInterval(deadlineTimer)
    deadlineTimer = undefined
  }

  return {
    add: (item) => {
      const append = toPendingAppend<Item, Verdict>(item, verdictDeadlineMs)
      append.slot = pending.add(append)
      deadlineTimer ??= setInterval(checkDeadlines, deadlineCheckMs)
      queue.add(append)
      return append.verdict.promise
    },
    resolve: (append, verdict) => {
      append.verdict.resolve(verdict)
      settle(append)
    },
    reject: (append, error) => {
      append.verdict.reject(error)
      settle(append)
    },
    rest: (append) => {
      if (append.progress === 'settled') return
      if (append.busyDelayMs === 0) append.deadlineAtMs = performance.now() + busyDeadlineMs
      append.busyDelayMs = Math.min(Math.max(append.busyDelayMs * 2, busyDelayMs.first), busyDelayMs.most)
      append.progress = 'waiting'
      append.restTimer = setTimeout(() => queue.addInFront(append), append.busyDelayMs)
    },
    setStore: (state) => {
      store = state
    },
    whenSettled: async () => {
      if (pending.size() === 0) return
      settled ??= Promise.withResolvers()
      await settled.promise
    },
  }
}

const toPendingAppend = <Item extends BatchItem, Verdict>(
  item: Item,
  deadlineMs: number,
): PendingAppend<Item, Verdict> => ({
  item,
  verdict: Promise.withResolvers(),
  deadlineAtMs: performance.now() + deadlineMs,
  busyDelayMs: 0,
  restTimer: undefined,
  fate: 'not-stored',
  progress: 'waiting',
  slot: -1,
})

/**
 * An append that is under way, or was without an answer, may have been stored. So may one whose head is held since: the
 * transaction that holds it may be its own.
 */
const toLateError = <Item extends BatchItem, Verdict>(
  append: PendingAppend<Item, Verdict>,
  store: StoreState,
): Error => {
  const fate = append.progress === 'sent' ? 'unknown' : append.fate
  if (fate === 'unknown') {
    return store === 'answering'
      ? new StoreUnavailableError('Postgres gave no verdict in time', fate)
      : toOutage(store.away, fate)
  }
  if (append.busyDelayMs > 0) return new StoreOverloadedError('another transaction held the head of the task')
  return store === 'answering'
    ? new StoreOverloadedError('the append waited too long in line')
    : toOutage(store.away, fate)
}
