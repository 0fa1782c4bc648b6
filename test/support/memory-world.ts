import { createMemoryCounts } from '#adapters/memory/surroundings/counts.ts'
import { createMemoryDatabase } from '#adapters/memory/database.ts'
import { createMemoryEventFeed } from '#adapters/memory/events/event-feed.ts'
import { createMemoryEventStore } from '#adapters/memory/events/event-store.ts'
import { createMemoryIdempotencyLedger } from '#adapters/memory/ledger/idempotency-ledger.ts'
import { createMemoryIdentities } from '#adapters/memory/surroundings/identities.ts'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { createManualTime } from '#adapters/memory/surroundings/manual-time.ts'
import { createMemoryExclusiveWork } from '#adapters/memory/workers/exclusive-work.ts'
import { createMemoryProgressBoard } from '#adapters/memory/ledger/progress-board.ts'
import { createMemoryRoutes } from '#adapters/memory/heads/routes.ts'
import { createMemoryRunIndex } from '#adapters/memory/heads/run-index.ts'
import { createMemoryRunnableIndex } from '#adapters/memory/heads/runnable-index.ts'
import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import { createMemorySignals } from '#adapters/memory/queue/signals.ts'
import { createMemorySubmitKeys } from '#adapters/memory/events/submit-keys.ts'
import { createMemoryTaskIndex } from '#adapters/memory/heads/task-index.ts'
import { createMemoryTaskQueue } from '#adapters/memory/queue/task-queue.ts'
import { createMemoryWorkerRegistry } from '#adapters/memory/workers/worker-registry.ts'
import { createMemoryNotes } from './memory-notes.ts'
import { createLanes } from '#application/hints/lanes.ts'
import type { Heads } from '#application/ports/heads/heads.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'

interface Options {
  /** Equal seeds give equal courses of events. */
  readonly seed?: number
  readonly queueIdsMax?: number
}

export type MemoryWorld = ReturnType<typeof createMemoryWorld>

/** Every driven port in memory, over one database and one clock that the test advances. */
export const createMemoryWorld = ({ seed = 1, queueIdsMax = 100_000 }: Options = {}) => {
  const time = createManualTime()
  const { clock, storeClock, timers } = time
  const database = createMemoryDatabase({ storeClock })
  const random = createSeededRandom(seed)
  const counts = createMemoryCounts()
  const logger = createMemoryLogger()
  const runtime: Runtime = { clock, timers, random, logger, count: counts.count }
  const heads: Heads = {
    index: createMemoryTaskIndex(database),
    runnable: createMemoryRunnableIndex(database),
    runs: createMemoryRunIndex(database),
  }
  const notes = createMemoryNotes()
  const registry = createMemoryWorkerRegistry({ database, clock, timers })
  return {
    time,
    runtime,
    heads,
    clock,
    storeClock,
    timers,
    database,
    random,
    identities: createMemoryIdentities(storeClock, random),
    store: createMemoryEventStore(database),
    feed: createMemoryEventFeed(database),
    notes,
    ledger: createMemoryIdempotencyLedger(database, notes),
    progress: createMemoryProgressBoard(database),
    index: heads.index,
    runnable: heads.runnable,
    runs: heads.runs,
    routes: createMemoryRoutes(database),
    queue: createMemoryTaskQueue({ timers, queueIdsMax }),
    registry,
    lanes: createLanes({ readWorkers: () => registry.readAll(), clock }),
    signals: createMemorySignals(),
    submitKeys: createMemorySubmitKeys(database),
    exclusiveWork: createMemoryExclusiveWork({ database, clock }),
    logger,
    counts,
    count: counts.count,
    advance: (ms: number): Promise<void> => time.advance(ms),
    close: (): Promise<void> => Promise.resolve(),
  }
}
