import { setTimeout as pause } from 'node:timers/promises'
import { classifyFailure } from '../connection/errors.ts'
import type { Member, Parcel } from './waiting-line.ts'

/** Somebody else holds the head; nothing was stored and nothing is known yet. */
export interface Busy {
  readonly kind: 'busy'
}

/**
 * How a flush takes heads. `optimistic` waits at most 20 ms for a head that another transaction holds and takes new heads to
 * be new; where it is wrong the flush fails as a whole, to be sent again. `skip-locked` never waits for a head: the append
 * to a held one is `busy`, and the others are stored.
 */
export type Locking = 'optimistic' | 'skip-locked'

/**
 * Sends one batch as one transaction, each of its streams once. Calls `depart` once, when it has a connection, and sends
 * what that answers: who is given up before then does not travel. Answers in that order, or throws for all of it.
 */
export type Flush<Item, Verdict> = (
  depart: () => readonly Item[],
  locking: Locking,
) => Promise<readonly (Verdict | Busy)[]>

interface Sending<Item extends Parcel, Verdict> {
  /** A flush was answered, and none of its verdicts is told yet. */
  readonly onAnswered: () => void
  readonly onVerdict: (member: Member<Item, Verdict>, verdict: Verdict) => void
  readonly onBusy: (member: Member<Item, Verdict>) => void
  readonly onRefused: (member: Member<Item, Verdict>, error: unknown) => void
  readonly onStore: (state: 'answering' | 'away') => void
  readonly skipLockedMs: number
}

const pauseMs = { first: 20, most: 250 }
/** How often a batch is sent again that the server rolled back for reasons of its own. */
const rollbacksMax = 1

/**
 * Sends a batch until each of its members has an outcome or nobody waits for it any more.
 *
 * One bad member never fails the others: a batch that the server refuses for its content is cut in two until the culprit
 * is alone. A batch whose fate is unknown is sent again as it is, with the same append ids, on another connection.
 *
 * Batches are sent with optimistic locking, except for `skipLockedMs` after one was rolled back, and those with an append
 * whose head was held or that may have been stored already. What the server refuses of an optimistic batch is tried once
 * more with skip-locked before an append is refused.
 */
export const createBatchSender = <Item extends Parcel, Verdict>(
  flush: Flush<Item, Verdict>,
  { onAnswered, onVerdict, onBusy, onRefused, onStore, skipLockedMs }: Sending<Item, Verdict>,
): ((batch: readonly Member<Item, Verdict>[]) => Promise<void>) => {
  type Members = readonly Member<Item, Verdict>[]

  const choice = createLockingChoice<Item, Verdict>(skipLockedMs)

  const attempt = async (members: Members, locking: Locking): Promise<void> => {
    let aboard: Members = []
    try {
      const verdicts = await flush(() => {
        aboard = members.filter((member) => member.progress === 'waiting')
        for (const member of aboard) member.progress = 'sent'
        return aboard.map((member) => member.item)
      }, locking)
      onStore('answering')
      onAnswered()
      aboard.forEach((member, index) => deliver(member, verdicts[index]))
    } catch (error) {
      const failure = classifyFailure(error)
      for (const member of aboard) comeBack(member, failure === 'unknown' ? 'unknown' : member.fate)
      throw error
    }
  }

  const deliver = (member: Member<Item, Verdict>, verdict: Verdict | Busy | undefined): void => {
    if (verdict === undefined) onRefused(member, new Error('a flush answered for fewer appends than it was given'))
    else if (isBusy(verdict)) onBusy(member)
    else onVerdict(member, verdict)
  }

  const send = async (batch: Members): Promise<void> => {
    let delayMs = pauseMs.first
    let rollbacks = 0
    let known: Locking | undefined
    // Ends with the last deadline among its members.
    for (;;) {
      const members = batch.filter((member) => member.progress !== 'settled')
      if (members.length === 0) return
      const locking = known ?? choice.of(members)
      try {
        return await attempt(members, locking)
      } catch (error) {
        const failure = classifyFailure(error)
        if (failure === 'unknown' || failure === 'not-sent') {
          onStore('away')
          await pause(delayMs)
          delayMs = Math.min(delayMs * 2, pauseMs.most)
        } else if (failure === 'content' ? locking === 'skip-locked' : rollbacks === rollbacksMax) {
          return refuse(members, error)
        } else {
          rollbacks += Number(failure === 'again')
          known = choice.skipLocked()
        }
      }
    }
  }

  /** One member alone is the culprit; of several each half may be without it. */
  const refuse = async (members: Members, error: unknown): Promise<void> => {
    const [first, second] = members
    if (first !== undefined && second === undefined) return onRefused(first, error)
    const middle = Math.ceil(members.length / 2)
    await send(members.slice(0, middle))
    await send(members.slice(middle))
  }

  return send
}

/** Where one head is held others may be: so a process waits for one at most once in `skipLockedMs`. */
const createLockingChoice = <Item extends Parcel, Verdict>(skipLockedMs: number) => {
  let skipLockedUntilMs = Number.NEGATIVE_INFINITY
  return {
    of: (members: readonly Member<Item, Verdict>[]): Locking =>
      performance.now() < skipLockedUntilMs || members.some(isDelicate) ? 'skip-locked' : 'optimistic',
    skipLocked: (): Locking => {
      skipLockedUntilMs = performance.now() + skipLockedMs
      return 'skip-locked'
    },
  }
}

/** Its head was held a moment ago, or it may be stored already. */
const isDelicate = <Item extends Parcel, Verdict>({ busyDelayMs, fate }: Member<Item, Verdict>): boolean =>
  busyDelayMs > 0 || fate === 'unknown'

const comeBack = <Item extends Parcel, Verdict>(
  member: Member<Item, Verdict>,
  fate: Member<Item, Verdict>['fate'],
): void => {
  if (member.progress === 'settled') return
  member.progress = 'waiting'
  member.fate = fate
}

const isBusy = (verdict: unknown): verdict is Busy =>
  typeof verdict === 'object' && verdict !== null && 'kind' in verdict && verdict.kind === 'busy'
