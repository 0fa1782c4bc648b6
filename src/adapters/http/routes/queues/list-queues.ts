import { z } from 'zod'
import type { QueueSummary } from '#application/ports/heads/task-index.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { createEndpoint, type Endpoint, noBody } from '../../endpoint.ts'
import { storeRefusals } from '../../problems/problems.ts'
import { createTextCursor } from '../../request/text-cursor.ts'
import { pageLimit } from '../../request/value-schemas.ts'

const queuesPerPageMax = 1_000
const queuesPerPageDefault = 200

const listQuery = z.strictObject({
  limit: pageLimit(queuesPerPageMax, queuesPerPageDefault).exactOptional(),
  cursor: z.string().exactOptional().meta({ description: 'The nextCursor of the page before.' }),
})

const cursors = createTextCursor(0x51)

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
    nextCursor: z.string().nullable().meta({ description: 'Where the next page begins; null after the last one.' }),
  })
  .meta({ id: 'Queues' })

const queuesExample = {
  items: [{ queue: 'mail', ready: 3, scheduled: 1, retrying: 0, running: 2, failed: 0, oldestReadyAgeMs: 120 }],
  nextCursor: null,
}

/** `GET /api/queues`: how many tasks of each queue are in which state. */
export const createListQueuesEndpoint = (operations: TaskOperations): Endpoint =>
  createEndpoint({
    method: 'GET',
    path: '/api/queues',
    operationId: 'listQueues',
    summary: 'List queues with what waits in them',
    query: listQuery,
    body: noBody,
    answers: {
      200: { description: 'A page of the queues, in order of name.', schema: queuesView, example: queuesExample },
    },
    refusals: ['invalid-cursor', 'validation-failed', ...storeRefusals],
    handle: async ({ query: { limit = queuesPerPageDefault, cursor } }) => {
      const { items, next } = await operations.listQueues(
        limit,
        cursor === undefined ? undefined : cursors.parse(cursor),
      )
      const nextCursor = next === undefined ? null : cursors.format(next)
      return { status: 200, body: JSON.stringify({ items: items.map(toQueueView), nextCursor }) }
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
