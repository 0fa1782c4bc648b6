import { createMemoryEventFeed } from '#adapters/memory/events/event-feed.ts'
import { createMemoryRoutes } from '#adapters/memory/heads/routes.ts'
import { createMemoryRunIndex } from '#adapters/memory/heads/run-index.ts'
import { createMemoryRunnableIndex } from '#adapters/memory/heads/runnable-index.ts'
import { createMemoryTaskIndex } from '#adapters/memory/heads/task-index.ts'
import { createMemoryIdempotencyLedger } from '#adapters/memory/ledger/idempotency-ledger.ts'
import { createMemoryProgressBoard } from '#adapters/memory/ledger/progress-board.ts'
import type { MemoryDatabase } from '#adapters/memory/database.ts'
import type { EventFeed } from '#application/ports/events/event-feed.ts'
import type { Heads } from '#application/ports/heads/heads.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { ProgressBoard } from '#application/ports/ledger/progress-board.ts'
import { type Ask, toWriteError } from './node-store.ts'

/** The ports of one process beside its event store: those of the memory adapters, each call across the network. */
export interface NodePorts {
  readonly heads: Heads
  readonly feed: EventFeed
  readonly ledger: IdempotencyLedger
  readonly progress: ProgressBoard
  readonly routes: Routes
}

export const createNodePorts = (database: MemoryDatabase, ask: Ask): NodePorts => {
  const feed = createMemoryEventFeed(database)
  const ledger = createMemoryIdempotencyLedger(database)
  const progress = createMemoryProgressBoard(database)
  const routes = createMemoryRoutes(database)
  return {
    heads: createHeads(database, ask),
    feed: {
      readAfter: (cursor, limit) => ask('query', () => feed.readAfter(cursor, limit)),
      latest: () => ask('query', () => feed.latest()),
      findBarrier: () => ask('query', () => feed.findBarrier()),
    },
    ledger: {
      claim: (claim) => ask('claim', () => ledger.claim(claim), toWriteError),
      complete: (completion) => ask('complete', () => ledger.complete(completion), toWriteError),
      giveBack: (held) => ask('complete', () => ledger.giveBack(held), toWriteError),
      doubt: (held) => ask('complete', () => ledger.doubt(held), toWriteError),
      transact: (claim, work) => ask('complete', () => ledger.transact(claim, work), toWriteError),
      settle: (settlement) => ask('change', () => ledger.settle(settlement), toWriteError),
      countInDoubt: (limit) => ask('query', () => ledger.countInDoubt(limit)),
      list: (taskId) => ask('query', () => ledger.list(taskId)),
    },
    progress: {
      write: (reports) => ask('query', () => progress.write(reports), toWriteError),
      find: (taskId) => ask('query', () => progress.find(taskId)),
    },
    routes: { learn: (learned) => ask('submit', () => routes.learn(learned)) },
  }
}

const createHeads = (database: MemoryDatabase, ask: Ask): Heads => {
  const index = createMemoryTaskIndex(database)
  const runnable = createMemoryRunnableIndex(database)
  const runs = createMemoryRunIndex(database)
  return {
    index: {
      listHeads: (query) => ask('query', () => index.listHeads(query)),
      findHeads: (taskIds) => ask('repair', () => index.findHeads(taskIds)),
      summarizeQueues: (after, limit) => ask('query', () => index.summarizeQueues(after, limit)),
      repairHead: (head) => ask('repair', () => index.repairHead(head), toWriteError),
    },
    runnable: {
      readRoutes: (after, limit) => ask('reconcile', () => runnable.readRoutes(after, limit)),
      readDue: (windows) => ask('reconcile', () => runnable.readDue(windows)),
      readDueSoon: (routes, withinMs, limit) => ask('reconcile', () => runnable.readDueSoon(routes, withinMs, limit)),
      readSteppedOver: (shown, limit) => ask('hurry', () => runnable.readSteppedOver(shown, limit)),
    },
    runs: {
      listRunningIncarnations: () => ask('sweep', () => runs.listRunningIncarnations()),
      listRuns: (incarnation, limit) => ask('recover', () => runs.listRuns(incarnation, limit)),
      listCancelling: (incarnation) => ask('cancels', () => runs.listCancelling(incarnation)),
    },
  }
}
