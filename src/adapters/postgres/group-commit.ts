import { StoreOverloadedError, StoreUnavailableError, UnstorableAppendError } from '#application/ports/event-store.ts'
import { createBatchSender, type Flush } from './batch-sender.ts'
import { createWaitingLine, type LineLimits, type Member, type Parcel } from './waiting-line.ts'

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
  busyDeadlineMs: 5_000,
}

/** Fewer are not divided: another transaction would cost more than it gains. */
const appendsPerShareMin = 100
const busyDelayMs = { first: 5, most: 200 }
const deadlineCheckMs = 50

/**
 * Lets concurrent appends travel together: a flush leaves as soon as a connection is free, with what has gathered by
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
    onRefused: (member, error) => {
      open.reject(member, new UnstorableAppendError('Postgres refused the append', { cause: error }))
    },
    // Somebody holds the head: try again a little later, without keeping anybody else waiting.
    onBusy: (member) => {
      open.rest(member, limits.busyDeadlineMs, () => {
        line.joinInFront(member)
        pumpSoon()
      })
    },
    onStore: open.setStore,
  })

  /**
   * When the turn is over: what one verdict leads to, and what many callers ask for at once, then leaves together. A flush
   * that left with the first of them would carry that one alone.
   */
  const pumpSoon = createOncePerTurn(() => pump())

  const pump = (): void => {
    // A long line is shared among the connections: all of it on one leaves the others idle, and then this process.
    const share = Math.max(appendsPerShareMin, Math.ceil(line.size() / limits.flushesInFlightMax))
    while (flushesInFlight < limits.flushesInFlightMax) {
      const batch = line.takeBatch(share)
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

/** The members without a verdict, each with the instant until which somebody waits for it. */
interface OpenMembers<Item extends Parcel, Verdict> {
  add(item: Item, deadlineMs: number): Member<Item, Verdict>
  resolve(this: void, member: Member<Item, Verdict>, verdict: Verdict): void
  reject(member: Member<Item, Verdict>, error: Error): void
  /** Calls `again` after a while, unless the deadline passes before. The first rest sets a new deadline. */
  rest(member: Member<Item, Verdict>, busyDeadlineMs: number, again: () => void): void
  setStore(this: void, state: 'answering' | 'away'): void
  size(): number
}

const createOpenMembers = <Item extends Parcel, Verdict>(onLate: () => void): OpenMembers<Item, Verdict> => {
  const members = new Set<Member<Item, Verdict>>()
  const resting = new Map<Member<Item, Verdict>, NodeJS.Timeout>()
  let store: 'answering' | 'away' = 'answering'
  let deadlineTimer: NodeJS.Timeout | undefined

  const close = (member: Member<Item, Verdict>): void => {
    member.progress = 'settled'
    members.delete(member)
    clearTimeout(resting.get(member))
    resting.delete(member)
  }

  const checkDeadlines = (): void => {
    const now = performance.now()
    const late = [...members].filter((member) => member.deadlineAtMs <= now)
    for (const member of late) {
      member.verdict.reject(toLateError(member, store))
      close(member)
    }
    if (members.size === 0) {
      clearInterval(deadlineTimer)
      deadlineTimer = undefined
    }
    if (late.length > 0) onLate()
  }

  return {
    add: (item, deadlineMs) => {
      const member: Member<Item, Verdict> = {
        item,
        verdict: Promise.withResolvers(),
        deadlineAtMs: performance.now() + deadlineMs,
        busyDelayMs: 0,
        fate: 'not-stored',
        progress: 'waiting',
      }
      members.add(member)
      deadlineTimer ??= setInterval(checkDeadlines, deadlineCheckMs)
      return member
    },
    resolve: (member, verdict) => {
      member.verdict.resolve(verdict)
      close(member)
    },
    reject: (member, error) => {
      member.verdict.reject(error)
      close(member)
    },
    rest: (member, busyDeadlineMs, again) => {
      if (member.progress === 'settled') return
      if (member.busyDelayMs === 0) member.deadlineAtMs = performance.now() + busyDeadlineMs
      member.busyDelayMs = Math.min(Math.max(member.busyDelayMs * 2, busyDelayMs.first), busyDelayMs.most)
      member.progress = 'waiting'
      const timer = setTimeout(() => {
        resting.delete(member)
        again()
      }, member.busyDelayMs)
      resting.set(member, timer)
    },
    setStore: (state) => {
      store = state
    },
    size: () => members.size,
  }
}

/** What is under way, or was and got no answer, may have been stored; even one whose head is held, if by itself. */
const toLateError = <Item extends Parcel, Verdict>(
  member: Member<Item, Verdict>,
  store: 'answering' | 'away',
): Error => {
  const fate = member.progress === 'sent' ? 'unknown' : member.fate
  if (fate === 'unknown') return new StoreUnavailableError('Postgres gave no verdict in time', fate)
  if (member.busyDelayMs > 0) return new StoreOverloadedError('somebody else held the head of the task')
  return store === 'answering'
    ? new StoreOverloadedError('the append waited too long in line')
    : new StoreUnavailableError('Postgres did not answer', fate)
}
