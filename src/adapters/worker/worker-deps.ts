import type { ReadyAnnouncer } from '#application/hints/announcer.ts'
import type { Lanes } from '#application/hints/lanes.ts'
import type { QueueDepth } from '#application/hints/queue-depth.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Heads } from '#application/ports/heads/heads.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { ProgressBoard } from '#application/ports/ledger/progress-board.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { Identities } from '#application/ports/surroundings/identities.ts'
import type { RunObserver } from '#application/ports/surroundings/run-observer.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'
import type { WorkerRegistry } from '#application/ports/workers/worker-registry.ts'
import type { Isolation } from './isolation/isolation.ts'

export interface WorkerDeps {
  readonly runtime: Runtime
  readonly heads: Heads
  readonly records: RunRecords
  readonly hints: WorkerHints
  readonly registry: WorkerRegistry
  readonly identities: Identities
  /** By task type. */
  readonly handlers: ReadonlyMap<string, TaskHandler>
  /** For tasks that may have taken workers down. Outlives the worker: its owner closes it after the drain. */
  readonly isolation: Isolation
}

/** Where runs are recorded. */
export interface RunRecords {
  readonly store: EventStore
  readonly ledger: IdempotencyLedger
  readonly progressBoard: ProgressBoard
  /** Sees each run; none does when it is left out. */
  readonly runObserver?: RunObserver | undefined
}

/** Where a worker gets hints and signals from, and where it gives hints back. */
export interface WorkerHints {
  readonly queue: TaskQueue
  readonly queueDepth: QueueDepth
  readonly lanes: Lanes
  readonly signals: Signals
  /** Outlives the worker: its owner closes it after the drain. */
  readonly announcer: ReadyAnnouncer
}

export interface WorkerOptions {
  /** Undefined: every queue. */
  readonly queues: readonly string[] | undefined
  /** Handlers at once. */
  readonly concurrency: number
  readonly leaseMs: number
  /** At most a third of `leaseMs`. */
  readonly beatMs: number
  readonly drainMs: number
  readonly host: string
  readonly pid: number
}
