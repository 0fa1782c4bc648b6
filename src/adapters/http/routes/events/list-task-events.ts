import { z } from 'zod'
import type { TaskOperations } from '#application/task-operations.ts'
import { detailOf } from '#domain/task/state.ts'
import type { TimelineEntry } from '#domain/task/timeline.ts'
import type { JsonText } from '#domain/task/events.ts'
import { createEndpoint, type Endpoint, noBody, noQuery } from '../../endpoint.ts'
import { storeRefusals } from '../../problems/problems.ts'
import { detail, status } from '../../request/value-schemas.ts'
import { taskNotFound, toTaskId } from '../tasks/task-id.ts'
import { eventExample, eventView, renderEnvelope, traceIdOf } from './event-view.ts'

/** Where people look at a trace, with `{traceId}` for its id; undefined when they have no such place. */
type TraceUrlTemplate = string | undefined

const eventsView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          ...eventView,
          traceUrl: z.string().nullable().meta({ description: 'Where people look at the trace, if there is a place.' }),
          stateAfter: z.strictObject({ status, detail, attempt: z.int() }),
        })
        .meta({ id: 'TaskEvent' }),
    ),
  })
  .meta({ id: 'TaskEvents' })

const eventsExample = {
  items: [
    {
      ...eventExample,
      traceUrl: 'https://traces.example.com/trace/4bf92f3577b34da6a3ce929d0e0e4736',
      stateAfter: { status: 'PENDING', detail: 'ready', attempt: 0 },
    },
  ],
}

/** `GET /api/tasks/{id}/events`: everything that ever happened to a task. */
export const createListTaskEventsEndpoint = (operations: TaskOperations, traceUrl: TraceUrlTemplate): Endpoint =>
  createEndpoint({
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

/** The event and the state it led to, whose detail is judged at the event's own instant. */
const renderTimelineEntry = ({ event, stateAfter }: TimelineEntry, traceUrl: TraceUrlTemplate): JsonText => {
  const state = {
    status: stateAfter.status,
    detail: detailOf(stateAfter, event.recordedAt),
    attempt: stateAfter.facts.attempt,
  }
  const traceId = traceIdOf(event)
  const url = traceId === null ? null : (traceUrl?.replaceAll('{traceId}', traceId) ?? null)
  return `{${renderEnvelope(event)},"traceUrl":${JSON.stringify(url)},"stateAfter":${JSON.stringify(state)}}`
}
