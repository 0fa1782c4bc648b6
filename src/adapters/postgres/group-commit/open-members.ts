import { StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { Member, Parcel } from './waiting-line.ts'

/** The members without a verdict, each with the instant until which somebody waits for it. */
export interface OpenMembers<Item extends Parcel, Verdict> {
  add(item: Item, deadlineMs: number): Member<Item, Verdict>
  resolve(this: void, member: Member<Item, Verdict>, verdict: Verdict): void
  reject(member: Member<Item, Verdict>, error: Error): void
  /** Calls `again` after a while, unless the deadline passes before. The first rest sets a new deadline. */
  rest(member: Member<Item, Verdict>, busyDeadlineMs: number, again: () => void): void
  setStore(this: void, state: 'answering' | 'away'): void
  size(): number
}

const busyDelayMs = { first: 5, most: 200 }
const deadlineCheckMs = 50

export const createOpenMembers = <Item extends Parcel, Verdict>(onLate: () => void): OpenMembers<Item, Verdict> => {
  const members = createPlaces<Member<Item, Verdict>>()
  const resting = new Map<Member<Item, Verdict>, NodeJS.Timeout>()
  let store: 'answering' | 'away' = 'answering'
  let deadlineTimer: NodeJS.Timeout | undefined

  const close = (member: Member<Item, Verdict>): void => {
    if (member.progress === 'settled') return
    member.progress = 'settled'
    members.remove(member)
    if (resting.size === 0) return
    clearTimeout(resting.get(member))
    resting.delete(member)
  }

  const checkDeadlines = (): void => {
    const now = performance.now()
    const late = members.values().filter((member) => member.deadlineAtMs <= now)
    for (const member of late) {
      member.verdict.reject(toLateError(member, store))
      close(member)
    }
    if (members.size() === 0) {
      clearInterval(deadlineTimer)
      deadlineTimer = undefined
    }
    if (late.length > 0) onLate()
  }

  return {
    add: (item, deadlineMs) => {
      const member = toMember<Item, Verdict>(item, deadlineMs)
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
    size: () => members.size(),
  }
}

const toMember = <Item extends Parcel, Verdict>(item: Item, deadlineMs: number): Member<Item, Verdict> => ({
  item,
  verdict: Promise.withResolvers(),
  deadlineAtMs: performance.now() + deadlineMs,
  busyDelayMs: 0,
  fate: 'not-stored',
  progress: 'waiting',
  place: -1,
})

interface Placed {
  place: number
}

/**
 * A crowd that is passed through: each stands in a place of its own, which the next one takes when it has left.
 *
 * A set or map, and an array that is made anew, leave a table behind with everybody who was in it; such a table soon counts
 * as old, and all it points to survives until the next full collection. So does whoever has left and is still pointed at
 * from here. It was most of what the collector had to copy for a task.
 */
const createPlaces = <Value extends Placed>() => {
  const places: (Value | undefined)[] = []
  const free: number[] = []
  return {
    add: (value: Value): void => {
      value.place = free.pop() ?? places.length
      places[value.place] = value
    },
    remove: ({ place }: Value): void => {
      places[place] = undefined
      free.push(place)
    },
    values: (): readonly Value[] => places.filter((value) => value !== undefined),
    size: (): number => places.length - free.length,
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
