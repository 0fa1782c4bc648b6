import { z } from 'zod'
import type { ExplanationCode } from '#application/queries/explain-task.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { detailOf } from '#domain/task/state.ts'
import { createEndpoint, type Endpoint, noBody, noQuery } from '../../endpoint.ts'
import { storeRefusals } from '../../problems/problems.ts'
import { detail, status } from '../../request/value-schemas.ts'
import { instantView, toRfc3339 } from '../instant-view.ts'
import { taskNotFound, toTaskId } from './task-id.ts'

const explanationCodes = [
  'not-due',
  'waiting-for-retry',
  'no-worker-for-type',
  'no-worker-for-queue',
  'workers-busy',
  'isolated',
  'running-on',
  'worker-silent',
  'attempts-exhausted',
  'permanent-error',
  'payload-invalid',
  'crash-loop',
  'effect-in-doubt',
  'effect-changed',
  'cancel-requested',
  'cancelled',
  'finished',
] as const satisfies readonly ExplanationCode[]

const explanationView = z
  .strictObject({
    status,
    detail,
    because: z
      .array(z.strictObject({ code: z.enum(explanationCodes), message: z.string() }))
      .meta({ description: 'Empty while a ready task is about to be taken.' }),
    next: z
      .strictObject({ what: z.enum(['ready', 'time-limit']), at: instantView })
      .nullable()
      .meta({ description: 'What happens by itself; null when nothing does, or nobody knows when.' }),
  })
  .meta({ id: 'Explanation' })

const explanationExample = {
  status: 'PENDING',
  detail: 'retrying',
  because: [{ code: 'waiting-for-retry', message: 'attempt 1 failed (handler-error): Error: connection refused' }],
  next: { what: 'ready', at: '2026-01-01T00:00:01.000Z' },
}

/** `GET /api/tasks/{id}/explain`: why a task is in the state it is in, and what happens next. */
export const createExplainTaskEndpoint = (operations: TaskOperations): Endpoint =>
  createEndpoint({
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
  })
