import { z } from 'zod'
import type { TaskFilter } from '#application/queries/list-tasks.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { findTaskId, type TaskId } from '#domain/identifiers.ts'
import { createEndpoint, type Endpoint, noBody } from '../../endpoint.ts'
import { ProblemError, storeRefusals } from '../../problems/problems.ts'
import { detail, instant, name, pageLimit, status, text } from '../../request/value-schemas.ts'
import { fillPage } from '../fill-page.ts'
import { taskFacts, taskFactsExample } from './task-schema.ts'
import { renderTaskSummary } from './task-view.ts'

const tasksPerPageMax = 200
const tasksPerPageDefault = 50

const listQuery = z.strictObject({
  status: status.exactOptional(),
  detail: detail.exactOptional(),
  type: name.exactOptional(),
  queue: name.exactOptional(),
  tag: text(1, 64).exactOptional(),
  submittedAfter: instant.exactOptional().meta({ description: 'Only tasks submitted after this instant.' }),
  submittedBefore: instant.exactOptional().meta({ description: 'Only tasks submitted before this instant.' }),
  limit: pageLimit(tasksPerPageMax, tasksPerPageDefault).exactOptional(),
  cursor: z.string().exactOptional().meta({ description: 'The nextCursor of the page before.' }),
})

const taskPageView = z
  .strictObject({
    items: z.array(z.strictObject(taskFacts).meta({ id: 'TaskSummary' })),
    nextCursor: z.string().nullable().meta({ description: 'Where the next page begins; null after the last one.' }),
  })
  .meta({ id: 'TaskPage' })

const taskPageExample = { items: [taskFactsExample], nextCursor: null }

/** `GET /api/tasks`: newest first, page by page. */
export const createListTasksEndpoint = (operations: TaskOperations): Endpoint =>
  createEndpoint({
    method: 'GET',
    path: '/api/tasks',
    operationId: 'listTasks',
    summary: 'List tasks, newest first',
    description:
      'A walk page by page never repeats a task and never skips one that matched throughout. A page filtered by tag or detail, or of tasks that weigh more than 1 MiB, may be short while nextCursor is set.',
    query: listQuery,
    body: noBody,
    answers: { 200: { description: 'A page of tasks.', schema: taskPageView, example: taskPageExample } },
    refusals: ['invalid-cursor', 'validation-failed', ...storeRefusals],
    handle: async ({ query: { limit: tasksMax = tasksPerPageDefault, cursor, ...filter } }) => {
      const before = cursor === undefined ? undefined : parsePageCursor(cursor)
      const page = await operations.list(filter satisfies TaskFilter, tasksMax, before)
      const items = fillPage(page.tasks, (task) => renderTaskSummary(task, page.now))
      const next = items.length < page.tasks.length ? page.tasks[items.length - 1]?.taskId : page.next
      const nextCursor = next === undefined ? 'null' : `"${formatPageCursor(next)}"`
      return { status: 200, body: `{"items":[${items.join(',')}],"nextCursor":${nextCursor}}` }
    },
  })

/** The first byte of every cursor of this list, which tells it from the cursors of other lists and releases. */
const cursorMark = 0x54
const cursorBytes = 17

/** The opaque text that resumes the list after `taskId`. */
const formatPageCursor = (taskId: TaskId): string =>
  Buffer.concat([Buffer.of(cursorMark), Buffer.from(taskId.replaceAll('-', ''), 'hex')]).toString('base64url')

/** The task that a cursor stands after. Throws an `invalid-cursor` problem unless `formatPageCursor` wrote the text. */
const parsePageCursor = (cursor: string): TaskId => {
  const bytes = Buffer.from(cursor.slice(0, 64), 'base64url')
  const hex = bytes.toString('hex', 1)
  const taskId = findTaskId(
    [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-'),
  )
  const isCursor = bytes.length === cursorBytes && bytes[0] === cursorMark
  // Base64 decoding accepts several texts for the same bytes; only the one that is written again is a cursor.
  if (!isCursor || taskId === undefined || formatPageCursor(taskId) !== cursor) {
    throw new ProblemError('invalid-cursor', 'Use a nextCursor as it was given, and with the filters it was given for.')
  }
  return taskId
}
