import type { ReadyAnnouncer } from '#application/hints/announcer.ts'
import type { QueueDepth } from '#application/hints/queue-depth.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { Count } from '#application/ports/surroundings/counts.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { Identities, Random } from '#application/ports/surroundings/identities.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { ProgressBoard } from '#application/ports/ledger/progress-board.ts'
import type { RunObserver } from '#application/ports/surroundings/run-observer.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { RunIndex } from '#application/ports/heads/run-index.ts'
import type { RunnableIndex } from '#application/ports/heads/runnable-index.ts'
import type { Signals } from '#application/ports/queue/signals.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'
import type { TaskIndex } from '#application/ports/heads/task-index.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { WorkerRegistry } from '#application/ports/workers/worker-registry.ts'
import type { Isolation } from './isolation/isolation.ts'

/** What a worker is made of. */
export interface WorkerDeps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly runnable: RunnableIndex
  readonly runs: RunIndex
  readonly ledger: IdempotencyLedger
  readonly progress: ProgressBoard
  readonly routes: Routes
  readonly queue: TaskQueue
  readonly registry: WorkerRegistry
  readonly signals: Signals
  /** Outlives the worker: its owner closes it after the drain. */
  readonly announcer: ReadyAnnouncer
  /** By task type. */
  readonly handlers: ReadonlyMap<string, TaskHandler>
  /** For tasks that may have taken workers down. Outlives the worker, as the announcer does. */
  readonly isolation: Isolation
  readonly identities: Identities
  readonly random: Random
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly count: Count
  /** Sees each attempt; nobody does unless given. */
  readonly runObserver?: RunObserver
  readonly queueDepth: QueueDepth
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
