import { z } from 'zod'
import type { QueueSummary } from '#application/ports/heads/task-index.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { createEndpoint, type Endpoint, noBody, noQuery } from '../../endpoint.ts'
import { storeRefusals } from '../../problems/problems.ts'

const queuesView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          queue: z.string(),
          ready: z.int(),
          scheduled: z.int(),
          retrying: z.int(),
          running: z.int(),
          failed: z.int(),
          oldestReadyAgeMs: z.int().nullable(),
        })
        .meta({ id: 'Queue' }),
    ),
  })
  .meta({ id: 'Queues' })

const queuesExample = {
  items: [{ queue: 'mail', ready: 3, scheduled: 1, retrying: 0, running: 2, failed: 0, oldestReadyAgeMs: 120 }],
}

/** `GET /api/queues`: how many tasks of each queue are in which state. */
export const createListQueuesEndpoint = (operations: TaskOperations): Endpoint =>
  createEndpoint({
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
  })

const toQueueView = (queue: QueueSummary) => ({
  queue: queue.queue,
  ready: queue.ready,
  scheduled: queue.scheduled,
  retrying: queue.retrying,
  running: queue.running,
  failed: queue.failed,
  oldestReadyAgeMs: queue.oldestReadyAgeMs ?? null,
})
