import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { createOncePerTurn } from '#application/mechanisms/once-per-turn.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { WorkerLease } from './lease/worker-lease.ts'

/**
 * The slots of one worker: the lease under which tasks are claimed, which tasks are taken, and whether another may be.
 * The other parts know the slots and not each other: each tells them what became of a task, and hears when they change.
 *
 * ```
 *   claim ──▶ starting ── begin ──▶ at work ── release, leave ──▶ recording ── recorded ──▶ gone
 *                │                     └────── release ──▶ given up, keeps its slot until `leave`
 *                ├─ handBack ───────────────────────────────────▶ recording
 *                └─ drop ──▶ gone
 * ```
 *
 * A claim that is under way and a handler at work have one slot each. A task id is taken from `claim` to `drop`, `handBack`
 * or `release`.
 */
export interface Slots {
  /** Undefined between two incarnations. */
  lease(): WorkerLease | undefined
  openUnder(lease: WorkerLease): void
  /** Calls the listeners of `onLeaseEnd` before it returns. */
  endLease(lease: WorkerLease): void
  /** From now on no slot is free. */
  drain(): void
  mode(): 'live' | 'draining'

  /** How many tasks may be claimed now; none when it is 0 or less. */
  free(): number
  /** How many tasks should be at hand: one for each free slot, and as many again as come free while the next are fetched. */
  target(): number
  isTaken(taskId: TaskId): boolean
  counts(): SlotCounts

  /** A claim is under way. */
  claim(taskId: TaskId): void
  /** The claim came to nothing. */
  drop(taskId: TaskId): void
  /** A claim is durable, and its handler begins. */
  begin(): void
  /** The claim is durable, but no handler begins: its release is being recorded. */
  handBack(taskId: TaskId): void
  /** The run is over for this worker: its handler has ended, was given up on, or has lost its lease. */
  release(taskId: TaskId): void
  /** A handler has ended, even if it was given up on before: its slot is free. */
  leave(): void
  /** The outcome of a run is durable, or will never be recorded here. */
  recorded(): void

  /** Calls `listener` at the end of each turn of the event loop in which there came to be more room, or a lease. */
  onChange(listener: () => void): void
  /** Calls `listener` as soon as a lease is over, before anything else happens. */
  onLeaseEnd(listener: (lease: WorkerLease) => void): void
}

export interface SlotCounts {
  /** Claims under way. */
  readonly starting: number
  /** Handlers at work, including those that were given up on. */
  readonly handlers: number
  /** Runs begun or handed back whose outcome is not recorded yet. */
  readonly unrecorded: number
}

/** Tasks that are fetched before there is a slot for them. */
const aheadMax = 1_000
/** Outcomes that wait for the store, beyond which nothing is claimed: a slot is free before its outcome is recorded. */
const unrecordedMin = 1_000

export const createSlots = (runtime: Runtime, { concurrency }: { readonly concurrency: number }): Slots =>
  new WorkerSlots(runtime, concurrency)

class WorkerSlots implements Slots {
  readonly #concurrency: number
  readonly #unrecordedMax: number
  readonly #throughput: Throughput
  readonly #taken = new Set<TaskId>()
  readonly #changeListeners: (() => void)[] = []
  readonly #leaseEndListeners: ((lease: WorkerLease) => void)[] = []
  /** Slots that come free in one turn are given away together: a pull for one of fifty costs as much as one for all. */
  readonly #changed: () => void
  #lease: WorkerLease | undefined
  #mode: 'live' | 'draining' = 'live'
  #starting = 0
  #handlers = 0
  #unrecorded = 0

  constructor({ clock, timers }: Runtime, concurrency: number) {
    this.#concurrency = concurrency
    this.#unrecordedMax = Math.max(unrecordedMin, 2 * concurrency)
    this.#throughput = createThroughput(clock)
    this.#changed = createOncePerTurn(
      (callback) => timers.soon(callback),
      () => {
        for (const listener of this.#changeListeners) listener()
      },
    )
  }

  lease(): WorkerLease | undefined {
    return this.#lease
  }

  openUnder(lease: WorkerLease): void {
    this.#lease = lease
    this.#changed()
  }

  endLease(lease: WorkerLease): void {
    this.#lease = undefined
    for (const listener of this.#leaseEndListeners) listener(lease)
  }

  drain(): void {
    this.#mode = 'draining'
  }

  mode(): 'live' | 'draining' {
    return this.#mode
  }

  free(): number {
    if (this.#mode === 'draining') return 0
    const slots = this.#concurrency - this.#starting - this.#handlers
    return Math.min(slots, this.#unrecordedMax - this.#unrecorded - this.#starting)
  }

  target(): number {
    if (this.#mode === 'draining') return 0
    return Math.max(0, this.free()) + Math.min(aheadMax, this.#throughput.perSpan())
  }

  isTaken(taskId: TaskId): boolean {
    return this.#taken.has(taskId)
  }

  counts(): SlotCounts {
    return { starting: this.#starting, handlers: this.#handlers, unrecorded: this.#unrecorded }
  }

  claim(taskId: TaskId): void {
    this.#taken.add(taskId)
    this.#starting += 1
  }

  drop(taskId: TaskId): void {
    this.#taken.delete(taskId)
    this.#starting -= 1
    this.#changed()
  }

  begin(): void {
    this.#starting -= 1
    this.#handlers += 1
    this.#unrecorded += 1
    this.#throughput.note()
    this.#changed()
  }

  handBack(taskId: TaskId): void {
    this.#taken.delete(taskId)
    this.#starting -= 1
    this.#unrecorded += 1
    this.#throughput.note()
    this.#changed()
  }

  release(taskId: TaskId): void {
    this.#taken.delete(taskId)
  }

  leave(): void {
    this.#handlers -= 1
    this.#changed()
  }

  recorded(): void {
    this.#unrecorded -= 1
    this.#changed()
  }

  onChange(listener: () => void): void {
    this.#changeListeners.push(listener)
  }

  onLeaseEnd(listener: (lease: WorkerLease) => void): void {
    this.#leaseEndListeners.push(listener)
  }
}

/** How fast claims become runs, which is how fast slots come free. */
interface Throughput {
  /** One claim became a run. */
  note(): void
  /** How many did in the span of `spanMs` before the present one, or in the present one if those are more. */
  perSpan(): number
}

/** About as long as it takes to pull and load the next batches on a busy store. */
const spanMs = 20

const createThroughput = (clock: Clock): Throughput => {
  let span = 0
  let count = 0
  let countBefore = 0

  const moveOn = (): void => {
    const present = Math.floor(clock.monotonicMs() / spanMs)
    if (present === span) return
    countBefore = present === span + 1 ? count : 0
    count = 0
    span = present
  }

  return {
    note: () => {
      moveOn()
      count += 1
    },
    perSpan: () => {
      moveOn()
      return Math.max(count, countBefore)
    },
  }
}
