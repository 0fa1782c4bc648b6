import { setTimeout as pause } from 'node:timers/promises'
import { classifyFailure } from '../connection/errors.ts'
import type { Member, Parcel } from './waiting-line.ts'

/** Somebody else holds the head; nothing was stored and nothing is known yet. */
export interface Busy {
  readonly kind: 'busy'
}

/**
 * `quick` may wait a moment for a head that somebody else holds, and takes new heads to be new; where it is wrong it fails
 * as a whole, to be sent again. `careful` never waits for a head: its append is `busy`, and the others are stored.
 */
export type Manner = 'quick' | 'careful'

/**
 * Sends one batch as one transaction, each of its streams once. Calls `depart` once, when it has a connection, and sends
 * what that answers: who is given up before then does not travel. Answers in that order, or throws for all of it.
 */
export type Flush<Item, Verdict> = (
  depart: () => readonly Item[],
  manner: Manner,
) => Promise<readonly (Verdict | Busy)[]>

interface Sending<Item extends Parcel, Verdict> {
  /** A flush was answered, and none of its verdicts is told yet. */
  readonly onAnswered: () => void
  readonly onVerdict: (member: Member<Item, Verdict>, verdict: Verdict) => void
  readonly onBusy: (member: Member<Item, Verdict>) => void
  readonly onRefused: (member: Member<Item, Verdict>, error: unknown) => void
  readonly onStore: (state: 'answering' | 'away') => void
  readonly carefulMs: number
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
 * Batches go quickly, but for `carefulMs` after one was rolled back, and those that an append is in whose head was held or
 * that may have been stored. What the server refuses of a quick batch is proved by a careful one.
 */
export const createBatchSender = <Item extends Parcel, Verdict>(
  flush: Flush<Item, Verdict>,
  { onAnswered, onVerdict, onBusy, onRefused, onStore, carefulMs }: Sending<Item, Verdict>,
): ((batch: readonly Member<Item, Verdict>[]) => Promise<void>) => {
  type Members = readonly Member<Item, Verdict>[]

  const manners = createManners<Item, Verdict>(carefulMs)

  const attempt = async (members: Members, manner: Manner): Promise<void> => {
    let aboard: Members = []
    try {
      const verdicts = await flush(() => {
        aboard = members.filter((member) => member.progress === 'waiting')
        for (const member of aboard) member.progress = 'sent'
        return aboard.map((member) => member.item)
      }, manner)
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
    let known: Manner | undefined
    // Ends with the last deadline among its members.
    for (;;) {
      const members = batch.filter((member) => member.progress !== 'settled')
      if (members.length === 0) return
      const manner = known ?? manners.of(members)
      try {
        return await attempt(members, manner)
      } catch (error) {
        const failure = classifyFailure(error)
        if (failure === 'unknown' || failure === 'not-sent') {
          onStore('away')
          await pause(delayMs)
          delayMs = Math.min(delayMs * 2, pauseMs.most)
        } else if (failure === 'content' ? manner === 'careful' : rollbacks === rollbacksMax) {
          return refuse(members, error)
        } else {
          rollbacks += Number(failure === 'again')
          known = manners.becomeCareful()
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

/** Where one head is held others may be: so a process waits for one at most once in `carefulMs`. */
const createManners = <Item extends Parcel, Verdict>(carefulMs: number) => {
  let carefulUntilMs = Number.NEGATIVE_INFINITY
  return {
    of: (members: readonly Member<Item, Verdict>[]): Manner =>
      performance.now() < carefulUntilMs || members.some(isDelicate) ? 'careful' : 'quick',
    becomeCareful: (): Manner => {
      carefulUntilMs = performance.now() + carefulMs
      return 'careful'
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
