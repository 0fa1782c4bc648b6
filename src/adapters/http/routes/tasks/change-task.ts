import { z } from 'zod'
import type { ChangeOutcome } from '#application/commands/change-task.ts'
import type { PersonRequest } from '#application/commands/person-commands.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Rejection } from '#domain/task/rejections.ts'
import { type ProblemCode, ProblemError, storeRefusals } from '../../problems/problems.ts'
import {
  contextHeaders,
  reasonCharactersMax,
  toContext,
  toVersionCondition,
  type VersionCondition,
} from '../../request/request-headers.ts'
import { type HttpAnswer, type AnswerDescription, createEndpoint, noQuery, type Endpoint } from '../../endpoint.ts'
import { taskExample, taskView } from './task-schema.ts'
import { renderTask } from './task-view.ts'
import { text } from '../../request/value-schemas.ts'
import { taskNotFound, toTaskId } from './task-id.ts'

const reasonInput = z
  .strictObject({
    reason: text(1, reasonCharactersMax)
      .exactOptional()
      .meta({ description: 'Why, in your own words; recorded with the event.' }),
  })
  .optional()

interface ChangeDescription {
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly refusal: ProblemCode
  readonly change: (request: PersonRequest) => Promise<ChangeOutcome>
  readonly answers: Readonly<Record<string, AnswerDescription>>
}

const changed = { schema: taskView, example: taskExample }

/** `POST /api/tasks/{id}/retry`, `…/cancel` and `…/run-now`: the commands of people on a task. */
export const createChangeTaskEndpoints = (operations: TaskOperations): readonly Endpoint[] => [
  createChangeTaskEndpoint(operations, {
    path: '/api/tasks/{id}/retry',
    operationId: 'retryTask',
    summary: 'Open an ended task again',
    description: 'A FAILED or CANCELLED task becomes PENDING with fresh attempts.',
    refusal: 'not-retryable',
    change: (request) => operations.retry(request),
    answers: { 200: { description: 'The task is open again.', ...changed } },
  }),
  createChangeTaskEndpoint(operations, {
    path: '/api/tasks/{id}/cancel',
    operationId: 'cancelTask',
    summary: 'Cancel a task',
    description:
      'A pending task is cancelled at once. The handler of a running one is aborted: the task ends CANCELLED, or SUCCESS if the handler had finished first. Cancelling twice changes nothing.',
    refusal: 'not-cancellable',
    change: (request) => operations.cancel(request),
    answers: {
      200: { description: 'The task is cancelled.', ...changed },
      202: { description: 'Its handler has been asked to stop.', ...changed },
    },
  }),
  createChangeTaskEndpoint(operations, {
    path: '/api/tasks/{id}/run-now',
    operationId: 'runTaskNow',
    summary: 'Make a waiting task due at once',
    description: 'A scheduled or retrying task becomes ready. One that is ready already stays as it is.',
    refusal: 'not-runnable',
    change: (request) => operations.runNow(request),
    answers: { 200: { description: 'The task is ready.', ...changed } },
  }),
]

const createChangeTaskEndpoint = (operations: TaskOperations, description: ChangeDescription): Endpoint => {
  const { change, refusal, ...shown } = description
  return createEndpoint({
    ...shown,
    method: 'POST',
    query: noQuery,
    body: { schema: reasonInput, presence: 'optional', example: { reason: 'asked for by the customer' } },
    requestHeaders: { ...contextHeaders, 'If-Match': 'Act only on the task at this version, like "3".' },
    refusals: [
      'malformed-json',
      'invalid-header',
      'task-not-found',
      refusal,
      'version-mismatch',
      'validation-failed',
      ...storeRefusals,
    ],
    handle: async ({ params, body, headers }) => {
      const context = toContext(headers, body?.reason)
      const condition = toVersionCondition(headers)
      const taskId = toTaskId(params)
      const ifVersion = await toIfVersion(operations, taskId, condition)
      return toAnswer(await change({ taskId, context, ...(ifVersion !== undefined && { ifVersion }) }))
    },
  })
}

/** The one version to act on. A list of versions is first compared with the task as it stands. */
const toIfVersion = async (
  operations: TaskOperations,
  taskId: TaskId,
  condition: VersionCondition | undefined,
): Promise<number | undefined> => {
  if (condition === undefined || condition === 'any') return undefined
  if (condition.length === 1) return condition[0]
  const found = await operations.find(taskId)
  if (found === undefined) throw taskNotFound()
  if (!condition.includes(found.task.version)) throw versionMismatch(found.task.version)
  return found.task.version
}

const toAnswer = (outcome: ChangeOutcome): HttpAnswer => {
  switch (outcome.kind) {
    case 'changed':
      // Only a cancellation leaves a task PROCESSING: its handler has yet to stop.
      return { status: outcome.task.status === 'PROCESSING' ? 202 : 200, body: renderTask(outcome.task, outcome.now) }
    case 'rejected':
      throw toRejectionProblem(outcome.rejection)
    case 'version-mismatch':
      throw versionMismatch(outcome.version)
    case 'not-found':
      throw taskNotFound()
  }
}

const toRejectionProblem = (rejection: Rejection): Error => {
  switch (rejection.code) {
    case 'not-retryable':
    case 'not-cancellable':
    case 'not-runnable':
      return new ProblemError(rejection.code, `The task is ${rejection.status}.`)
    case 'not-submitted':
      return taskNotFound()
    case 'already-submitted':
    case 'not-due':
    case 'not-startable':
    case 'stale-run':
      return new Error(`a person's command was refused as a worker's: ${rejection.code}`)
  }
}

const versionMismatch = (version: number): ProblemError =>
  new ProblemError('version-mismatch', `The task is at version ${version}.`, { headers: { etag: `"${version}"` } })
