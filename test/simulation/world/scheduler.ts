import type { Host } from './host.ts'

/**
 * Virtual time: a heap of what is to happen. One event happens at a time, and all promises that it lets go on have gone on
 * before the next one does; so the order of the heap is the order of everything, and equal seeds give equal courses.
 */
export interface Scheduler {
  /** Milliseconds since the beginning of the course. */
  nowMs(): number
  /** Calls `callback` once after `delayMs` as code of `host`, or of the world when there is none. Answers what cancels it. */
  after(delayMs: number, host: Host | undefined, label: string, callback: () => void): () => void
  /** Lets what was held for a host happen, now that it is awake. */
  releaseHeld(host: Host): void
  /** Goes on until `isOver` says so after a step, or nothing is left before `untilMs`. Throws what a step throws. */
  run(untilMs: number, isOver: () => boolean): Promise<void>
  /** The process whose code runs at this moment. */
  current(): Host | undefined
  steps(): number
  /** Of all that has happened: equal for equal courses. */
  hash(): number
  /** Mixes a fact into the hash. */
  mix(text: string): void
}

export interface Happening {
  atMs: number
  order: number
  readonly host: Host | undefined
  readonly label: string
  readonly callback: () => void
  isCancelled: boolean
}

/** A course with more steps than this is caught in a loop. */
const stepsMax = 400_000

export const createScheduler = (): Scheduler => {
  const heap = createHeap()
  let nowMs = 0
  let made = 0
  let happened = 0
  let current: Host | undefined
  let hash = 0x811c_9dc5

  const mixNumber = (value: number): void => {
    hash = Math.imul(hash ^ value, 0x0100_0193)
  }
  const mix = (text: string): void => {
    for (let index = 0; index < text.length; index += 1) mixNumber(text.charCodeAt(index))
  }

  const push = (atMs: number, host: Host | undefined, label: string, callback: () => void): Happening => {
    made += 1
    const happening = { atMs, order: made, host, label, callback, isCancelled: false }
    heap.push(happening)
    return happening
  }

  const happen = async (happening: Happening): Promise<void> => {
    const { host, label, callback } = happening
    if (host !== undefined && host.state !== 'awake') {
      if (host.state === 'paused') host.held.push(happening)
      return
    }
    happened += 1
    mixNumber(Math.floor(nowMs * 1_000))
    mix(label)
    current = host
    callback()
    await endOfTurn()
  }

  return {
    nowMs: () => nowMs,
    after: (delayMs, host, label, callback) => {
      if (host?.state === 'dead') return nothing
      const happening = push(nowMs + Math.max(0, delayMs), host, label, callback)
      return () => {
        happening.isCancelled = true
      }
    },
    releaseHeld: (host) => {
      // The same objects: whoever set a timer may still cancel it.
      for (const happening of host.held.splice(0)) {
        made += 1
        happening.atMs = nowMs
        happening.order = made
        heap.push(happening)
      }
    },
    run: async (untilMs, isOver) => {
      for (;;) {
        const next = heap.first()
        if (next === undefined || next.atMs > untilMs) {
          nowMs = Math.max(nowMs, untilMs)
          return
        }
        heap.removeFirst()
        if (next.isCancelled) continue
        nowMs = Math.max(nowMs, next.atMs)
        await happen(next)
        if (isOver()) return
        if (happened > stepsMax) throw new Error(`${stepsMax} steps: something goes round in a circle`)
      }
    },
    current: () => current,
    steps: () => happened,
    hash: () => hash >>> 0,
    mix,
  }
}

const nothing = (): void => {}

const { setImmediate: immediate } = globalThis

/** Resolves when every promise that could go on has gone on. */
const endOfTurn = (): Promise<void> => new Promise((resolve) => immediate(resolve))

/** A binary heap by (instant, order). */
const createHeap = () => {
  const items: Happening[] = []

  const isBefore = (a: Happening, b: Happening): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

  const sink = (moved: Happening): void => {
    let place = 0
    for (;;) {
      const left = 2 * place + 1
      const [a, b] = [items[left], items[left + 1]]
      if (a === undefined) break
      const child = b !== undefined && isBefore(b, a) ? left + 1 : left
      const found = items[child]
      if (found === undefined || isBefore(moved, found)) break
      items[place] = found
      place = child
    }
    items[place] = moved
  }

  return {
    first: () => items[0],
    push: (item: Happening): void => {
      let place = items.length
      while (place > 0) {
        const parent = (place - 1) >>> 1
        const above = items[parent]
        if (above === undefined || isBefore(above, item)) break
        items[place] = above
        place = parent
      }
      items[place] = item
    },
    removeFirst: (): void => {
      const last = items.pop()
      if (last !== undefined && items.length > 0) sink(last)
    },
  }
}
