import { z } from 'zod'
import type { PastTask } from '#application/queries/task-history.ts'
import type { TaskWithProgress } from '#application/queries/find-task.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { ProblemError, storeRefusals } from '../../problems/problems.ts'
import { type HttpAnswer, createEndpoint, noBody, type Endpoint } from '../../endpoint.ts'
import { taskExample, taskView } from './task-schema.ts'
import { always, excludes, instant } from '../../request/value-schemas.ts'
import { renderTask } from './task-view.ts'
import { taskNotFound, toTaskId } from './task-id.ts'

const waitSecondsMax = 60

const wait = z
  .string()
  .refine((written) => /^(?:0|[1-9][0-9]?)s$/.test(written) && Number.parseInt(written, 10) <= waitSecondsMax, {
    error: `must be whole seconds up to ${waitSecondsMax}s, like 10s`,
  })
  .transform((written) => Number.parseInt(written, 10) * 1_000)
  .meta({
    override: { type: 'string', pattern: '^(0|[1-9]|[1-5][0-9]|60)s$' },
    description: 'Holds the answer until the task has ended, or this time is over.',
    example: '10s',
  })

const version = z
  .string()
  .refine((written) => /^(?:0|[1-9][0-9]{0,14})$/.test(written), { error: 'must be the number of a version' })
  .transform(Number)
  .meta({
    override: { type: 'integer', minimum: 0, maximum: 999_999_999_999_999 },
    description: 'The task as its first so many events left it.',
  })

const getQuery = z
  .strictObject({
    wait: wait.exactOptional(),
    asOfVersion: version.exactOptional(),
    asOf: instant.exactOptional().meta({ description: 'The task as it was then; the future gives the present.' }),
  })
  .refine(excludes('asOfVersion', 'asOf'), { path: ['asOfVersion'], when: always, error: 'excludes asOf' })
  .refine(excludes('asOfVersion', 'asOf'), { path: ['asOf'], when: always, error: 'excludes asOfVersion' })
  .refine(excludes('wait', 'asOfVersion'), { path: ['wait'], when: always, error: 'excludes asOfVersion' })
  .refine(excludes('wait', 'asOf'), { path: ['wait'], when: always, error: 'excludes asOf' })

/** `GET /api/tasks/{id}`: a task as it stands now, as it stood once, or as it stands when it has ended. */
export const createGetTaskEndpoint = (operations: TaskOperations): Endpoint =>
  createEndpoint({
    method: 'GET',
    path: '/api/tasks/{id}',
    operationId: 'getTask',
    summary: 'Get a task',
    description: 'Of wait, asOfVersion and asOf there can be one. The detail of a past state is judged at its instant.',
    query: getQuery,
    body: noBody,
    answers: {
      200: {
        description: 'The task.',
        schema: taskView,
        example: taskExample,
        headers: { ETag: 'The version of the task, quoted, for If-Match.' },
      },
    },
    refusals: ['task-not-found', 'not-yet-submitted', 'version-not-found', 'validation-failed', ...storeRefusals],
    handle: async ({ params, query, whenOver }) => {
      const taskId = toTaskId(params)
      if (query.asOfVersion !== undefined) {
        return toAnswer(toFound(await operations.findAsOfVersion(taskId, query.asOfVersion)))
      }
      if (query.asOf !== undefined) return toAnswer(toFound(await operations.findAsOf(taskId, query.asOf)))
      const found =
        query.wait === undefined
          ? await operations.find(taskId)
          : await operations.waitForEnd(taskId, query.wait, whenOver())
      if (found === undefined) throw taskNotFound()
      return toAnswer(found)
    },
  })

const toAnswer = ({ task, now, progress }: TaskWithProgress): HttpAnswer => ({
  status: 200,
  body: renderTask(task, now, progress),
  headers: { etag: `"${task.version}"` },
})

const toFound = (past: PastTask): TaskWithProgress => {
  switch (past.kind) {
    case 'found':
      // Progress has no history.
      return { task: past.task, now: past.now, progress: undefined }
    case 'task-not-found':
      throw taskNotFound()
    case 'not-yet-submitted':
      throw new ProblemError('not-yet-submitted', 'The task was submitted later.')
    case 'version-not-found':
      throw new ProblemError('version-not-found', 'The task has fewer events.')
  }
}
