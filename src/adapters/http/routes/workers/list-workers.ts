import { z } from 'zod'
import type { WorkerRow } from '#application/ports/workers/worker-registry.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { createEndpoint, type Endpoint, noBody } from '../../endpoint.ts'
import { storeRefusals } from '../../problems/problems.ts'
import { createTextCursor } from '../../request/text-cursor.ts'
import { pageLimit } from '../../request/value-schemas.ts'
import { instantView, toRfc3339 } from '../instant-view.ts'

const workersPerPageMax = 1_000
const workersPerPageDefault = 200

const listQuery = z.strictObject({
  limit: pageLimit(workersPerPageMax, workersPerPageDefault).exactOptional(),
  cursor: z.string().exactOptional().meta({ description: 'The nextCursor of the page before.' }),
})

const cursors = createTextCursor(0x57)

const workersView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          id: z.uuid(),
          host: z.string(),
          pid: z.int(),
          queues: z.array(z.string()).meta({ description: '`["*"]` when it serves every queue.' }),
          types: z.array(z.string()),
          concurrency: z.int(),
          running: z.int(),
          startedAt: instantView,
          lastBeatAt: instantView,
          state: z.enum(['live', 'draining', 'silent']),
        })
        .meta({ id: 'Worker' }),
    ),
    nextCursor: z.string().nullable().meta({ description: 'Where the next page begins; null after the last one.' }),
  })
  .meta({ id: 'Workers' })

const workersExample = {
  items: [
    {
      id: '3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90',
      host: 'worker-1',
      pid: 4711,
      queues: ['*'],
      types: ['email.send'],
      concurrency: 50,
      running: 2,
      startedAt: '2026-01-01T00:00:00.000Z',
      lastBeatAt: '2026-01-01T00:00:03.000Z',
      state: 'live',
    },
  ],
  nextCursor: null,
}

/** `GET /api/workers`: every incarnation that has not ended, and how much it runs. */
export const createListWorkersEndpoint = (operations: TaskOperations): Endpoint =>
  createEndpoint({
    method: 'GET',
    path: '/api/workers',
    operationId: 'listWorkers',
    summary: 'List workers',
    query: listQuery,
    body: noBody,
    answers: {
      200: {
        description: 'A page of the incarnations that have not ended, in order of id.',
        schema: workersView,
        example: workersExample,
      },
    },
    refusals: ['invalid-cursor', 'validation-failed', ...storeRefusals],
    handle: async ({ query: { limit = workersPerPageDefault, cursor } }) => {
      const { items, next } = await operations.listWorkers(
        limit,
        cursor === undefined ? undefined : cursors.parse(cursor),
      )
      const nextCursor = next === undefined ? null : cursors.format(next)
      return { status: 200, body: JSON.stringify({ items: items.map(toWorkerView), nextCursor }) }
    },
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
