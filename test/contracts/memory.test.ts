import { createMemoryUnusedRoutes } from '#adapters/memory/heads/unused-routes.ts'
import { createMemoryRoutes } from '#adapters/memory/heads/routes.ts'
import { createMemoryExclusiveWork } from '#adapters/memory/workers/exclusive-work.ts'
import { createMemoryWorld } from '../support/memory-world.ts'
import { describeEventFeed } from './event-feed.ts'
import { describeEventStore } from './event-store.ts'
import { describeIdempotencyLedger } from './idempotency-ledger.ts'
import { describeExclusiveWork } from './exclusive-work.ts'
import { describeProgressBoard } from './progress-board.ts'
import { describeRoutes } from './routes.ts'
import { describeRunIndex } from './run-index.ts'
import { describeRunnableIndex } from './runnable-index.ts'
import { describeSignals } from './signals.ts'
import { describeSubmitKeys } from './submit-keys.ts'
import { describeTaskIndex } from './task-index.ts'
import { describeTaskQueue } from './task-queue.ts'
import { describeWorkerRegistry } from './worker-registry.ts'

const queueIdsMax = 200

/** In memory nearly all processes of a fleet may use the same adapter objects. */
const setup = async () => {
  const world = createMemoryWorld({ queueIdsMax })
  return {
    ...world,
    queueIdsMax,
    queueElsewhere: world.queue,
    openRoutes: (namesMax?: number) => createMemoryRoutes(world.database, namesMax),
    unused: createMemoryUnusedRoutes(world.database),
    countNames: async () => {
      const routes = [...world.database.routes.values()]
      return new Set(routes.flatMap(({ queue, type }) => [`queue ${queue}`, `type ${type}`])).size
    },
    signalsElsewhere: world.signals,
    exclusiveWorkElsewhere: createMemoryExclusiveWork(world),
    damage: async (taskId: Parameters<typeof world.database.undecodable.add>[0]) => {
      world.database.undecodable.add(taskId)
    },
  }
}

describeEventStore('memory', setup)
describeEventFeed('memory', setup)
describeIdempotencyLedger('memory', setup)
describeProgressBoard('memory', setup)
describeTaskIndex('memory', setup)
describeRunnableIndex('memory', setup)
describeRunIndex('memory', setup)
describeRoutes('memory', setup)
describeTaskQueue('memory', setup)
describeWorkerRegistry('memory', setup)
describeSignals('memory', setup)
describeSubmitKeys('memory', setup)
describeExclusiveWork('memory', setup)
