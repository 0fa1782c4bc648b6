import type { SubmitRequest } from '#application/commands/submit-task.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { JsonText } from '#domain/task-events.ts'
import type { Due, Instant } from '#domain/time.ts'
import { ProblemError, validationFailed } from '../problems.ts'
import { toContext } from '../request-headers.ts'
import { createRoute, noQuery, type Route } from '../route.ts'
import { type TaskInput, taskInput } from '../schemas/task-input.ts'
import { taskView } from '../schemas/task-view.ts'
import { renderTask } from '../views/task-view.ts'
import { contextHeaders, storeRefusals, submissionExample, taskExample } from './descriptions.ts'

interface Deps {
  readonly operations: TaskOperations
  /** The store's clock as estimated. */
  readonly now: () => Instant
}

/** How much a payload may weigh, in bytes of UTF-8 as `JSON.stringify` writes it. */
const payloadBytesMax = 262_144

/** `POST /api/tasks`: the task is durable before the answer is sent. */
export const createSubmitRoute = ({ operations, now }: Deps): Route =>
  createRoute({
    method: 'POST',
    path: '/api/tasks',
    operationId: 'submitTask',
    summary: 'Submit a task',
    description:
      'The task is committed before the answer is sent. Numbers are IEEE doubles: send larger integers as strings.',
    query: noQuery,
    body: { schema: taskInput, presence: 'required', example: submissionExample },
    requestHeaders: contextHeaders,
    answers: {
      202: {
        description: 'The task is stored and will run.',
        schema: taskView,
        example: taskExample,
        headers: { Location: 'The address of the task.' },
      },
    },
    refusals: ['malformed-json', 'invalid-header', 'validation-failed', 'payload-too-large', ...storeRefusals],
    handle: async ({ body, headers }) => {
      const submitted = await operations.submit(toSubmitRequest(body, now()), toContext(headers))
      return {
        status: 202,
        body: renderTask(submitted.task, submitted.now),
        headers: { location: `/api/tasks/${submitted.task.taskId}` },
      }
    },
  })

/** What a client sent, in the application's terms. Throws a problem for what only the clock or the scales can tell. */
const toSubmitRequest = (input: TaskInput, now: Instant): SubmitRequest => {
  const { payload, runAt, delayMs, ...rest } = input
  const request = { ...rest, payload: toPayloadText(payload) }
  return runAt === undefined && delayMs === undefined ? request : { ...request, due: toDue(runAt, delayMs, now) }
}

/** The past means now: an instant long gone would otherwise outrank every priority. */
const toDue = (runAt: Instant | undefined, delayMs: number | undefined, now: Instant): Due => {
  if (runAt === undefined) return { delayMs: delayMs ?? 0 }
  if (runAt > tenYearsAfter(now)) {
    throw validationFailed([{ pointer: '/runAt', message: 'must be at most ten years ahead' }])
  }
  return runAt <= now ? { delayMs: 0 } : { runAt }
}

/** By the calendar, and a minute on top for a client whose clock is ahead of the store's. */
const tenYearsAfter = (now: Instant): Instant => {
  const date = new Date(now)
  return date.setUTCFullYear(date.getUTCFullYear() + 10) + 60_000
}

const toPayloadText = (payload: unknown): JsonText => {
  const text = payload === undefined ? 'null' : JSON.stringify(payload)
  // A character is at most three bytes a code unit: most payloads need no counting.
  if (text.length * 3 > payloadBytesMax && Buffer.byteLength(text) > payloadBytesMax) {
    throw new ProblemError('payload-too-large', `The payload weighs more than ${payloadBytesMax} bytes.`)
  }
  return text
}
