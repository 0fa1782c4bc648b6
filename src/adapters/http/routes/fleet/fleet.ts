import type { QueueSummary } from '#application/ports/heads/task-index.ts'
import type { WorkerRow } from '#application/ports/workers/worker-registry.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { createRoute, noBody, noQuery, type Route } from '../../endpoint.ts'
import { queuesView, workersView } from './fleet-schema.ts'
import { toRfc3339 } from '../tasks/task-view.ts'
import { queuesExample, storeRefusals, workersExample } from '../descriptions.ts'

/** `GET /api/queues` and `GET /api/workers`: what waits, and who works. */
export const createFleetRoutes = (operations: TaskOperations): readonly Route[] => [
  createRoute({
    method: 'GET',
    path: '/api/queues',
    operationId: 'listQueues',
    summary: 'List queues with what waits in them',
    query: noQuery,
    body: noBody,
    answers: { 200: { description: 'Every queue that was ever used.', schema: queuesView, example: queuesExample } },
    refusals: ['validation-failed', ...storeRefusals],
    handle: async () => {
      const queues = await operations.listQueues()
      return { status: 200, body: JSON.stringify({ items: queues.map(toQueueView) }) }
    },
  }),
  createRoute({
    method: 'GET',
    path: '/api/workers',
    operationId: 'listWorkers',
    summary: 'List workers',
    query: noQuery,
    body: noBody,
    answers: {
      200: { description: 'Every incarnation that has not ended.', schema: workersView, example: workersExample },
    },
    refusals: ['validation-failed', ...storeRefusals],
    handle: async () => {
      const workers = await operations.listWorkers()
      return { status: 200, body: JSON.stringify({ items: workers.map(toWorkerView) }) }
    },
  }),
]

const toQueueView = (queue: QueueSummary) => ({
  queue: queue.queue,
  ready: queue.ready,
  scheduled: queue.scheduled,
  retrying: queue.retrying,
  running: queue.running,
  failed: queue.failed,
  oldestReadyAgeMs: queue.oldestReadyAgeMs ?? null,
})

const toWorkerView = (worker: WorkerRow) => ({
  id: worker.incarnation,
  host: worker.host,
  pid: worker.pid,
  queues: worker.queues ?? ['*'],
  types: worker.types,
  concurrency: worker.concurrency,
  running: worker.running,
  startedAt: toRfc3339(worker.startedAt),
  lastBeatAt: toRfc3339(worker.lastBeatAt),
  // For display only: whether a worker is lost is judged by the sweepers, each by its own clock.
  state: worker.silentForMs > worker.leaseMs ? 'silent' : worker.state,
})
