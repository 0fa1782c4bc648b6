import type { Effect } from '#application/ports/ledger/idempotency-ledger.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { JsonText } from '#domain/task/events.ts'
import { detailOf } from '#domain/task/state.ts'
import { createRoute, noBody, noQuery, type Route, taskNotFound, toTaskId } from '../../endpoint.ts'
import { effectsView, explanationView } from './task-schema.ts'
import { renderInstant, toRfc3339 } from './task-view.ts'
import { effectsExample, explanationExample, storeRefusals } from '../descriptions.ts'

/** `GET /api/tasks/{id}/explain` and `…/effects`: why a task is where it is, and what it has done elsewhere. */
export const createInsightRoutes = (operations: TaskOperations): readonly Route[] => [
  createRoute({
    method: 'GET',
    path: '/api/tasks/{id}/explain',
    operationId: 'explainTask',
    summary: 'Say why a task is where it is',
    query: noQuery,
    body: noBody,
    answers: { 200: { description: 'The reasons.', schema: explanationView, example: explanationExample } },
    refusals: ['task-not-found', 'validation-failed', ...storeRefusals],
    handle: async ({ params }) => {
      const explanation = await operations.explain(toTaskId(params))
      if (explanation === undefined) throw taskNotFound()
      const { task, now, because, next } = explanation
      const shown = {
        status: task.status,
        detail: detailOf(task, now),
        because: because.map(({ code, message }) => ({ code, message })),
        next: next === undefined ? null : { what: next.what, at: toRfc3339(next.at) },
      }
      return { status: 200, body: JSON.stringify(shown) }
    },
  }),
  createRoute({
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
  }),
]

/** The result is spliced in as it was stored. */
const renderEffect = ({ name, mode, state, attempt, result = 'null', startedAt, completedAt }: Effect): JsonText =>
  `${JSON.stringify({ name, mode, state, attempt }).slice(0, -1)},"result":${result},` +
  `"startedAt":${renderInstant(startedAt)},"completedAt":${renderInstant(completedAt)}}`
