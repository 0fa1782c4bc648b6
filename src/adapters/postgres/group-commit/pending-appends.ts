import { createSlotTable } from '#application/mechanisms/slot-table.ts'
import { StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
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
const createHeldUpCheck = (clock: Clock): ((nowMs: number) => boolean) => {
  let checkedAtMs = clock.monotonicMs()
  return (nowMs) => {
    const isLate = nowMs - checkedAtMs > heldUpMs
    checkedAtMs = nowMs
    return isLate
  }
}

/** Answers what begins the checks: one comes every `deadlineCheckMs` until it says that there is nothing left to watch. */
const createChecks = (timers: Timers, check: () => boolean): (() => void) => {
  let state: 'none' | 'going-on' = 'none'
  const goOn = (): void => {
    if (check()) timers.after(deadlineCheckMs, goOn)
    else state = 'none'
  }
  return () => {
    if (state === 'none') timers.after(deadlineCheckMs, goOn)
    state = 'going-on'
  }
}

export const createPendingAppends = <Item extends BatchItem, Verdict>(
  queue: AppendQueue<Item, Verdict>,
  { verdictDeadlineMs, busyDeadlineMs }: VerdictDeadlines,
  { clock, timers }: Pick<Runtime, 'clock' | 'timers'>,
): PendingAppends<Item, Verdict> => {
  // See slot-table.ts: every append of every task passes through here.
  const pending = createSlotTable<PendingAppend<Item, Verdict>>()
  let store: StoreState = 'answering'
  const isHeldUp = createHeldUpCheck(clock)
  let settled: PromiseWithResolvers<void> | undefined

  const settle = (append: PendingAppend<Item, Verdict>): void => {
    if (append.progress === 'settled') return
    append.progress = 'settled'
    append.endRest?.()
    pending.remove(append.slot)
    if (pending.size() === 0) settled?.resolve()
  }

  /** One timer for all of them: a timer for each append costs more than what it guards. */
  const checkDeadlines = (): void => {
    const nowMs = clock.monotonicMs()
    const late = isHeldUp(nowMs) ? [] : pending.values().filter((append) => append.deadlineAtMs <= nowMs)
    for (const append of late) {
      append.verdict.reject(toLateError(append, store))
      settle(append)
    }
    if (late.length > 0) queue.dropSettled()
  }
  const beginChecks = createChecks(timers, () => {
    checkDeadlines()
    return pending.size() > 0
  })

  return {
    add: (item) => {
      const append = toPendingAppend<Item, Verdict>(item, clock.monotonicMs() + verdictDeadlineMs)
      append.slot = pending.add(append)
      beginChecks()
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
      if (append.busyDelayMs === 0) append.deadlineAtMs = clock.monotonicMs() + busyDeadlineMs
      append.busyDelayMs = Math.min(Math.max(append.busyDelayMs * 2, busyDelayMs.first), busyDelayMs.most)
      append.progress = 'waiting'
      append.endRest = timers.after(append.busyDelayMs, () => queue.addInFront(append))
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
  deadlineAtMs: number,
): PendingAppend<Item, Verdict> => ({
  item,
  verdict: Promise.withResolvers(),
  deadlineAtMs,
  busyDelayMs: 0,
  endRest: undefined,
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
