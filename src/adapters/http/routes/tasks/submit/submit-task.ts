import type { TaskOperations } from '#application/task-operations.ts'
import type { Instant } from '#domain/time.ts'
import { contextHeaders, toContext, toIdempotencyKey } from '../../../request/request-headers.ts'
import { createEndpoint, noQuery, type Endpoint } from '../../../endpoint.ts'
import { submissionExample, taskInput } from './task-input.ts'
import { taskExample, taskView } from '../task-schema.ts'
import { toSubmitKey, toSubmitRequest } from './submit-request.ts'
import { renderTask } from '../task-view.ts'
import { storeRefusals } from '../../../problems/problems.ts'

interface Deps {
  readonly operations: TaskOperations
  /** The store's clock as estimated. */
  readonly now: () => Instant
}

/** `POST /api/tasks`: the task is durable before the answer is sent. */
export const createSubmitTaskEndpoint = ({ operations, now }: Deps): Endpoint =>
  createEndpoint({
    method: 'POST',
    path: '/api/tasks',
    operationId: 'submitTask',
    summary: 'Submit a task',
    description:
      'The task is committed before the answer is sent. Numbers are IEEE doubles: send larger integers as strings.',
    query: noQuery,
    body: { schema: taskInput, presence: 'required', example: submissionExample },
    requestHeaders: {
      ...contextHeaders,
      'Idempotency-Key':
        'One name for one request, 1 to 255 visible characters of ASCII, kept for 48 hours: however often it is sent, it makes one task.',
    },
    answers: {
      202: {
        description: 'The task is stored and will run.',
        schema: taskView,
        example: taskExample,
        headers: {
          Location: 'The address of the task.',
          'Idempotency-Replayed':
            '`true` when an earlier request of the same key made the task, shown as it stands now.',
        },
      },
    },
    refusals: [
      'malformed-json',
      'invalid-header',
      'validation-failed',
      'idempotency-key-reused',
      'payload-too-large',
      ...storeRefusals,
    ],
    handle: async ({ body, sent, headers }) => {
      const context = toContext(headers)
      const key = toIdempotencyKey(headers)
      const request = toSubmitRequest(body, now())
      const keyed = key === undefined ? request : { ...request, key: toSubmitKey(key, sent) }
      const { kind, task, now: at, progress } = await operations.submit(keyed, context)
      const location = `/api/tasks/${task.taskId}`
      return {
        status: 202,
        body: renderTask(task, at, progress),
        headers: kind === 'replayed' ? { location, 'idempotency-replayed': 'true' } : { location },
      }
    },
  })
