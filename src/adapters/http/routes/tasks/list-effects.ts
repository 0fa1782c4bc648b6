import { z } from 'zod'
import type { Effect } from '#application/ports/ledger/idempotency-ledger.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { JsonText } from '#domain/task/events.ts'
import { createEndpoint, type Endpoint, noBody, noQuery } from '../../endpoint.ts'
import { storeRefusals } from '../../problems/problems.ts'
import { instantView, renderInstant } from '../instant-view.ts'
import { taskNotFound, toTaskId } from './task-id.ts'

const effectsView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          name: z.string(),
          mode: z.string(),
          state: z.enum(['started', 'completed', 'in-doubt']),
          attempt: z.int().meta({ description: 'The attempt that claimed it last.' }),
          result: z.unknown(),
          startedAt: instantView,
          completedAt: instantView.nullable(),
        })
        .meta({ id: 'Effect' }),
    ),
  })
  .meta({ id: 'Effects' })

const effectsExample = {
  items: [
    {
      name: 'charge',
      mode: 'idempotent',
      state: 'completed',
      attempt: 1,
      result: { charge: 'ch_1' },
      startedAt: '2026-01-01T00:00:00.000Z',
      completedAt: '2026-01-01T00:00:00.500Z',
    },
  ],
}

/** `GET /api/tasks/{id}/effects`: the effects that a task's runs have claimed in the ledger. */
export const createListEffectsEndpoint = (operations: TaskOperations): Endpoint =>
  createEndpoint({
    method: 'GET',
    path: '/api/tasks/{id}/effects',
    operationId: 'listTaskEffects',
    summary: 'List what a task has done elsewhere',
    query: noQuery,
    body: noBody,
    answers: {
      200: {
        description: 'In the order they were first begun, at most 1,000.',
        schema: effectsView,
        example: effectsExample,
      },
    },
    refusals: ['task-not-found', 'validation-failed', ...storeRefusals],
    handle: async ({ params }) => {
      const effects = await operations.listEffects(toTaskId(params))
      if (effects === undefined) throw taskNotFound()
      return { status: 200, body: `{"items":[${effects.map(renderEffect).join(',')}]}` }
    },
  })

/** The result is spliced in as it was stored. */
const renderEffect = ({ name, mode, state, attempt, result = 'null', startedAt, completedAt }: Effect): JsonText =>
  `${JSON.stringify({ name, mode, state, attempt }).slice(0, -1)},"result":${result},` +
  `"startedAt":${renderInstant(startedAt)},"completedAt":${renderInstant(completedAt)}}`
