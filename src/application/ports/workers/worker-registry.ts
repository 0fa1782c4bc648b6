import type { Incarnation } from '#domain/identifiers.ts'
import type { Instant } from '#domain/time.ts'

/** The workers of the fleet and their heartbeats: one row an incarnation. Heartbeats are never events. */
export interface WorkerRegistry {
  /**
   * Registers an incarnation and beats for it, at once and then every `beatMs`, from a thread of its own where there are
   * threads. Throws StoreUnavailableError when the first beat is not acknowledged.
   */
  register(worker: WorkerDescription): Promise<Heartbeat>

  /** All rows, ended ones included, by incarnation. Throws StoreUnavailableError. */
  readAll(): Promise<readonly WorkerRow[]>

  /**
   * The workers that a heartbeat of this process saw silent for their whole lease, by readings of its own that no handler
   * holds up (lease-watch.ts). Asks nothing. Empty where nothing beats.
   */
  findSilent(): readonly SilentWorker[]

  /**
   * Marks a row ended: its runs count as lost at once. `fenced` says that its worker has stopped them and lives on.
   * Idempotent. Throws StoreUnavailableError.
   */
  end(incarnation: Incarnation, how?: 'fenced'): Promise<void>

  /** Forgets the rows of ended incarnations under which no task runs. Idempotent. Throws StoreUnavailableError. */
  remove(incarnations: readonly Incarnation[]): Promise<void>
}

export interface WorkerDescription {
  readonly incarnation: Incarnation
  readonly host: string
  readonly pid: number
  /** The names of `QUEUES`, or undefined when the worker serves every queue. */
  readonly queues: readonly string[] | undefined
  readonly types: readonly string[]
  readonly concurrency: number
  readonly leaseMs: number
  readonly beatMs: number
}

export interface WorkerRow extends Omit<WorkerDescription, 'beatMs'> {
  /** Raised by every beat. Only its change means life; no clock is compared. */
  readonly beat: number
  readonly running: number
  readonly state: 'live' | 'draining' | 'ended'
  /** How it ended, as far as is known: `fenced` is what a worker says of itself that lives on. */
  readonly ended?: 'fenced' | undefined
  readonly startedAt: Instant
  readonly lastBeatAt: Instant
  /** How long ago the last beat was, by the store's clock. For display only. */
  readonly silentForMs: number
  /** How far the clock of the worker's host is ahead of the store's; undefined until it was measured. For display only. */
  readonly clockAheadMs?: number | undefined
}

export interface SilentWorker {
  readonly incarnation: Incarnation
  /** Its beat counter for all that time. */
  readonly beat: number
}

/** The beating of one incarnation. */
export interface Heartbeat {
  /** When the last acknowledged beat was sent, by the monotonic clock. */
  lastAcknowledgedSentAtMs(): number

  /** Sets the status that the next beats carry. */
  report(status: { readonly running: number; readonly state: 'live' | 'draining' }): void

  /** Stops beating, and marks the row ended, as `end` does, if the store can be reached. */
  stop(how?: 'fenced'): Promise<void>
}
