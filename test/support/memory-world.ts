import { createMemoryCounts } from '#adapters/memory/counts.ts'
import { createMemoryDatabase } from '#adapters/memory/database.ts'
import { createMemoryEventFeed } from '#adapters/memory/event-feed.ts'
import { createMemoryEventStore } from '#adapters/memory/event-store.ts'
import { createMemoryIdempotencyLedger } from '#adapters/memory/idempotency-ledger.ts'
import { createMemoryIdentities } from '#adapters/memory/identities.ts'
import { createMemoryLogger } from '#adapters/memory/logger.ts'
import { createManualTime } from '#adapters/memory/manual-time.ts'
import { createMemoryPasses } from '#adapters/memory/passes.ts'
import { createMemoryProgressBoard } from '#adapters/memory/progress-board.ts'
import { createMemoryRoutes } from '#adapters/memory/routes.ts'
import { createMemoryRunIndex } from '#adapters/memory/run-index.ts'
import { createMemoryRunnableIndex } from '#adapters/memory/runnable-index.ts'
import { createSeededRandom } from '#adapters/memory/seeded-random.ts'
import { createMemorySignals } from '#adapters/memory/signals.ts'
import { createMemorySubmitKeys } from '#adapters/memory/submit-keys.ts'
import { createMemoryTaskIndex } from '#adapters/memory/task-index.ts'
import { createMemoryTaskQueue } from '#adapters/memory/task-queue.ts'
import { createMemoryWorkerRegistry } from '#adapters/memory/worker-registry.ts'

interface Options {
  /** One seed, one course of events. */
  readonly seed?: number
  readonly queueIdsMax?: number
}

export type MemoryWorld = ReturnType<typeof createMemoryWorld>

/** Every driven port in memory, over one database and one time that the test advances. */
export const createMemoryWorld = ({ seed = 1, queueIdsMax = 100_000 }: Options = {}) => {
  const time = createManualTime()
  const { clock, storeClock, timers } = time
  const database = createMemoryDatabase({ storeClock })
  const random = createSeededRandom(seed)
  const counts = createMemoryCounts()
  return {
    time,
    clock,
    storeClock,
    timers,
    database,
    random,
    identities: createMemoryIdentities(storeClock, random),
    store: createMemoryEventStore(database),
    feed: createMemoryEventFeed(database),
    ledger: createMemoryIdempotencyLedger(database),
    progress: createMemoryProgressBoard(database),
    index: createMemoryTaskIndex(database),
    runnable: createMemoryRunnableIndex(database),
    runs: createMemoryRunIndex(database),
    routes: createMemoryRoutes(database),
    queue: createMemoryTaskQueue({ timers, queueIdsMax }),
    registry: createMemoryWorkerRegistry({ database, clock, timers }),
    signals: createMemorySignals(),
    submitKeys: createMemorySubmitKeys(database),
    passes: createMemoryPasses(database),
    logger: createMemoryLogger(),
    counts,
    count: counts.count,
    advance: (ms: number): Promise<void> => time.advance(ms),
    close: (): Promise<void> => Promise.resolve(),
  }
}
