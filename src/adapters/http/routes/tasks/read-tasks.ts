import { z } from 'zod'
import type { TaskFilter } from '#application/queries/list-tasks.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { fromCursor, toCursor } from './page-cursor.ts'
import { createRoute, noBody, noQuery, type Route, taskNotFound, toTaskId } from '../../endpoint.ts'
import { eventsView } from '../events/event-schema.ts'
import { taskPageView } from './task-schema.ts'
import { detail, instant, name, pageLimit, status, text } from '../../request/values.ts'
import { renderTimelineEntry, type TraceUrlTemplate } from '../events/event-view.ts'
import { renderTaskSummary } from './task-view.ts'
import { eventsExample, storeRefusals, taskPageExample } from '../descriptions.ts'

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

/** `GET /api/tasks`: newest first, page by page. */
export const createListRoute = (operations: TaskOperations): Route =>
  createRoute({
    method: 'GET',
    path: '/api/tasks',
    operationId: 'listTasks',
    summary: 'List tasks, newest first',
    description:
      'A walk page by page never repeats a task and never skips one that matched throughout. A page filtered by tag or detail may be short while nextCursor is set.',
    query: listQuery,
    body: noBody,
    answers: { 200: { description: 'A page of tasks.', schema: taskPageView, example: taskPageExample } },
    refusals: ['invalid-cursor', 'validation-failed', ...storeRefusals],
    handle: async ({ query: { limit: tasksMax = tasksPerPageDefault, cursor, ...filter } }) => {
      const before = cursor === undefined ? undefined : fromCursor(cursor)
      const page = await operations.list(filter satisfies TaskFilter, tasksMax, before)
      const items = page.tasks.map((task) => renderTaskSummary(task, page.now)).join(',')
      const nextCursor = page.next === undefined ? 'null' : `"${toCursor(page.next)}"`
      return { status: 200, body: `{"items":[${items}],"nextCursor":${nextCursor}}` }
    },
  })

/** `GET /api/tasks/{id}/events`: everything that ever happened to a task. */
export const createEventsRoute = (operations: TaskOperations, traceUrl: TraceUrlTemplate): Route =>
  createRoute({
    method: 'GET',
    path: '/api/tasks/{id}/events',
    operationId: 'listTaskEvents',
    summary: 'Get the whole history of a task',
    query: noQuery,
    body: noBody,
    answers: { 200: { description: 'All events in order.', schema: eventsView, example: eventsExample } },
    refusals: ['task-not-found', 'validation-failed', ...storeRefusals],
    handle: async ({ params }) => {
      const timeline = await operations.findTimeline(toTaskId(params))
      if (timeline === undefined) throw taskNotFound()
      const items = timeline.map((entry) => renderTimelineEntry(entry, traceUrl)).join(',')
      return { status: 200, body: `{"items":[${items}]}` }
    },
  })
