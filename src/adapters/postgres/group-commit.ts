import type { Append, AppendVerdict } from '#application/ports/event-store.ts'
import { StoreOverloadedError, StoreUnavailableError, UnstorableAppendError } from '#application/ports/event-store.ts'
import type { EncodedEvent } from './codec.ts'
import { classifyFailure } from './errors.ts'

/** An append ready to travel. */
export interface EncodedAppend {
  readonly append: Append
  readonly events: readonly EncodedEvent[]
  /** What it weighs as text. */
  readonly bytes: number
}

/** `busy`: somebody else holds the head; nothing was stored and nothing is known yet. */
export type FlushVerdict = AppendVerdict | { readonly kind: 'busy' }

/** Sends one batch as one transaction, each of its streams once. Answers in the order given, or throws for all of it. */
export type Flush = (batch: readonly EncodedAppend[]) => Promise<readonly FlushVerdict[]>

export interface GroupCommit {
  /** Resolves with the verdict once it is durable. Throws as `EventStore.append` does. */
  append(append: EncodedAppend): Promise<AppendVerdict>
  /** Refuses new appends and resolves when those accepted have their verdicts. */
  close(): Promise<void>
}

interface Limits {
  readonly flushesInFlightMax: number
  readonly appendsPerFlushMax: number
  readonly bytesPerFlushMax: number
  readonly appendsWaitingMax: number
  readonly bytesWaitingMax: number
  /** How long a caller waits for its verdict: a store that is away must show within two seconds. */
  readonly verdictDeadlineMs: number
  /** How long an append is tried again while somebody else holds its head. */
  readonly busyDeadlineMs: number
}

export const groupCommitLimits: Limits = {
  flushesInFlightMax: 2,
  appendsPerFlushMax: 1_000,
  bytesPerFlushMax: 4_194_304,
  appendsWaitingMax: 20_000,
  bytesWaitingMax: 67_108_864,
  verdictDeadlineMs: 1_700,
  busyDeadlineMs: 5_000,
}

const busyDelayMs = { first: 5, most: 200 }
const unknownDelayMs = { first: 20, most: 250 }
const deadlineCheckMs = 50

interface Member {
  readonly encoded: EncodedAppend
  readonly settle: PromiseWithResolvers<AppendVerdict>
  deadlineAtMs: number
  busyDelayMs: number
  /** Whether it may have been stored by a flush whose answer never came. */
  fate: 'not-stored' | 'unknown'
  state: 'waiting' | 'settled'
}

/**
 * Lets concurrent appends travel together: a flush leaves as soon as a connection is free, with what has gathered by
 * then. There is no timer, so nothing waits at light load, and batches grow by themselves under heavy load.
 *
 * One bad member never fails the others: a batch that the server refuses for its content is cut in two until the culprit
 * is alone. A batch whose fate is unknown is sent again as it is, with the same append ids, until the answer comes or
 * nobody waits for it any more.
 */
export const createGroupCommit = (flush: Flush, limits: Limits = groupCommitLimits): GroupCommit => {
  let line: Member[] = []
  let bytesWaiting = 0
  let flushesInFlight = 0
  let storeState: 'answering' | 'away' = 'answering'
  const inFlight = new Set<Member>()
  const resting = new Set<Member>()
  let deadlineTimer: NodeJS.Timeout | undefined
  let closing: PromiseWithResolvers<void> | undefined

  const settle = (member: Member, outcome: AppendVerdict | Error): void => {
    if (member.state === 'settled') return
    member.state = 'settled'
    if (outcome instanceof Error) member.settle.reject(outcome)
    else member.settle.resolve(outcome)
  }

  const checkDeadlines = (): void => {
    const now = performance.now()
    for (const member of [...line, ...inFlight, ...resting]) {
      if (member.deadlineAtMs <= now) settle(member, lateError(member, storeState, inFlight.has(member)))
    }
    line = line.filter((member) => member.state === 'waiting' || forget(member))
    for (const member of resting) if (member.state === 'settled') resting.delete(member)
    if (line.length + inFlight.size + resting.size === 0) {
      clearInterval(deadlineTimer)
      deadlineTimer = undefined
      closing?.resolve()
    }
  }

  const forget = (member: Member): boolean => {
    bytesWaiting -= member.encoded.bytes
    return false
  }

  /** The next batch from the front of the line; a stream's second append stays for the batch after. */
  const takeBatch = (): Member[] => {
    const batch: Member[] = []
    const left: Member[] = []
    const streams = new Set<string>()
    let bytes = 0
    let at = 0
    for (; at < line.length && batch.length < limits.appendsPerFlushMax && bytes < limits.bytesPerFlushMax; at += 1) {
      const member = line[at]
      if (member === undefined || member.state === 'settled') continue
      if (streams.has(member.encoded.append.taskId)) left.push(member)
      else {
        streams.add(member.encoded.append.taskId)
        batch.push(member)
        bytes += member.encoded.bytes
      }
    }
    line = left.length === 0 ? line.slice(at) : [...left, ...line.slice(at)]
    bytesWaiting -= bytes
    return batch
  }

  const pump = (): void => {
    while (flushesInFlight < limits.flushesInFlightMax && line.length > 0) {
      const batch = takeBatch()
      if (batch.length === 0) return
      flushesInFlight += 1
      for (const member of batch) inFlight.add(member)
      void send(batch).finally(() => {
        flushesInFlight -= 1
        for (const member of batch) inFlight.delete(member)
        pump()
      })
    }
  }

  const send = async (batch: readonly Member[]): Promise<void> => {
    let failures = 0
    for (let delayMs = unknownDelayMs.first; ; delayMs = Math.min(delayMs * 2, unknownDelayMs.most)) {
      const members = batch.filter((member) => member.state === 'waiting')
      if (members.length === 0) return
      try {
        deliver(members, await flush(members.map((member) => member.encoded)))
        storeState = 'answering'
        return
      } catch (error) {
        const failure = classifyFailure(error)
        if (failure === 'unknown') {
          storeState = 'away'
          for (const member of members) member.fate = 'unknown'
          await pause(delayMs)
        } else if (failure === 'content' || failures > 0) return refuse(members, error)
        else failures += 1
      }
    }
  }

  /** One member alone is the culprit; of several each half may be without it. */
  const refuse = async (members: readonly Member[], error: unknown): Promise<void> => {
    const [first, second] = members
    if (first !== undefined && second === undefined) {
      return settle(first, new UnstorableAppendError('Postgres refused the append', { cause: error }))
    }
    const middle = Math.ceil(members.length / 2)
    await send(members.slice(0, middle))
    await send(members.slice(middle))
  }

  const deliver = (members: readonly Member[], verdicts: readonly FlushVerdict[]): void => {
    members.forEach((member, index) => {
      const verdict = verdicts[index]
      if (verdict === undefined) settle(member, new Error('a flush answered for fewer appends than it was given'))
      else if (verdict.kind === 'busy') rest(member)
      else settle(member, verdict)
    })
  }

  /** Somebody holds the head: try again a little later, without keeping anybody else waiting. */
  const rest = (member: Member): void => {
    if (member.state === 'settled') return
    if (member.busyDelayMs === 0) member.deadlineAtMs = performance.now() + limits.busyDeadlineMs
    member.busyDelayMs = Math.min(Math.max(member.busyDelayMs * 2, busyDelayMs.first), busyDelayMs.most)
    member.fate = 'not-stored'
    resting.add(member)
    setTimeout(() => {
      if (!resting.delete(member)) return
      line.unshift(member)
      bytesWaiting += member.encoded.bytes
      pump()
    }, member.busyDelayMs)
  }

  return {
    append: (encoded) => {
      if (closing !== undefined) return Promise.reject(new StoreUnavailableError('the store is closing', 'not-stored'))
      if (line.length >= limits.appendsWaitingMax || bytesWaiting + encoded.bytes > limits.bytesWaitingMax) {
        return Promise.reject(new StoreOverloadedError('too many appends are waiting'))
      }
      const member: Member = {
        encoded,
        settle: Promise.withResolvers(),
        deadlineAtMs: performance.now() + limits.verdictDeadlineMs,
        busyDelayMs: 0,
        fate: 'not-stored',
        state: 'waiting',
      }
      line.push(member)
      bytesWaiting += encoded.bytes
      deadlineTimer ??= setInterval(checkDeadlines, deadlineCheckMs)
      pump()
      return member.settle.promise
    },
    close: async () => {
      closing ??= Promise.withResolvers()
      checkDeadlines()
      await closing.promise
    },
  }
}

const lateError = (member: Member, storeState: 'answering' | 'away', sent: boolean): Error => {
  if (member.busyDelayMs > 0) return new StoreOverloadedError('somebody else held the head of the task')
  const fate = sent ? 'unknown' : member.fate
  if (storeState === 'answering' && fate === 'not-stored') {
    return new StoreOverloadedError('the append waited too long in line')
  }
  return new StoreUnavailableError('Postgres gave no verdict in time', fate)
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
