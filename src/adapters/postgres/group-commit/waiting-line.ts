/** What travels in a batch. */
export interface Parcel {
  /** Of several for one stream only one may be in a batch. */
  readonly streamId: string
  /** What it weighs as text. */
  readonly bytes: number
}

/** A parcel that somebody waits for. */
export interface Member<Item extends Parcel, Verdict> {
  readonly item: Item
  readonly verdict: PromiseWithResolvers<Verdict>
  /** By the monotonic clock. */
  deadlineAtMs: number
  /** How long it rested when its head was last found held; 0 when it never was. */
  busyDelayMs: number
  /** `unknown` once a flush that carried it got no answer: it may have been stored. */
  fate: 'not-stored' | 'unknown'
  progress: 'waiting' | 'sent' | 'settled'
  /** Where it stands among the open ones. */
  place: number
}

export interface LineLimits {
  readonly appendsPerFlushMax: number
  readonly bytesPerFlushMax: number
  readonly appendsWaitingMax: number
  readonly bytesWaitingMax: number
}

/** Where members wait for a flush, in the order they came. */
export interface WaitingLine<Item extends Parcel, Verdict> {
  /** Whether one more fits; anything fits into an empty line. */
  hasRoomFor(item: Item): boolean
  join(member: Member<Item, Verdict>): void
  /** For one that has waited before. */
  joinInFront(member: Member<Item, Verdict>): void
  /** The next batch from the front, of at most `most`; a stream's second member stays for the batch after. Empty when nobody waits. */
  takeBatch(most?: number): readonly Member<Item, Verdict>[]
  size(): number
  /** Forgets those that were settled while they waited. */
  dropSettled(): void
}

export const createWaitingLine = <Item extends Parcel, Verdict>(limits: LineLimits): WaitingLine<Item, Verdict> => {
  const line: Member<Item, Verdict>[] = []
  let bytesWaiting = 0

  return {
    hasRoomFor: (item) =>
      line.length < limits.appendsWaitingMax &&
      (line.length === 0 || bytesWaiting + item.bytes <= limits.bytesWaitingMax),

    join: (member) => {
      line.push(member)
      bytesWaiting += member.item.bytes
    },

    joinInFront: (member) => {
      line.unshift(member)
      bytesWaiting += member.item.bytes
    },

    size: () => line.length,

    takeBatch: (wanted = limits.appendsPerFlushMax) => {
      const most = Math.min(wanted, limits.appendsPerFlushMax)
      const batch: Member<Item, Verdict>[] = []
      const left: Member<Item, Verdict>[] = []
      const streams = new Set<string>()
      let bytes = 0
      let at = 0
      for (; at < line.length && batch.length < most; at += 1) {
        const member = line[at]
        if (member === undefined) break
        if (streams.has(member.item.streamId)) {
          left.push(member)
          continue
        }
        if (batch.length > 0 && bytes + member.item.bytes > limits.bytesPerFlushMax) break
        bytesWaiting -= member.item.bytes
        if (member.progress === 'settled') continue
        streams.add(member.item.streamId)
        batch.push(member)
        bytes += member.item.bytes
      }
      line.splice(0, at, ...left)
      return batch
    },

    dropSettled: () => {
      const open = line.filter((member) => member.progress !== 'settled')
      line.splice(0, line.length, ...open)
      bytesWaiting = open.reduce((sum, member) => sum + member.item.bytes, 0)
    },
  }
}
