import { z } from 'zod'
import type { TaskOperations } from '#application/task-operations.ts'
import { createEndpoint, type Endpoint, noBody, noQuery } from '../../../endpoint.ts'
import { storeRefusals } from '../../../problems/problems.ts'
import { taskNotFound, toTaskId } from '../task-id.ts'
import { effectExample, effectView, renderEffect } from './effect-view.ts'

const effectsView = z.strictObject({ items: z.array(effectView) }).meta({ id: 'Effects' })

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
        example: { items: [effectExample] },
      },
    },
    refusals: ['task-not-found', 'validation-failed', ...storeRefusals],
    handle: async ({ params }) => {
      const effects = await operations.listEffects(toTaskId(params))
      if (effects === undefined) throw taskNotFound()
      return { status: 200, body: `{"items":[${effects.map(renderEffect).join(',')}]}` }
    },
  })
