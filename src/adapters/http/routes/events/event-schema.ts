import { z } from 'zod'
import type { TaskEvent } from '#domain/task/events.ts'
import { detail, status } from '../../request/values.ts'

const instant = z.iso.datetime({ precision: 3 })

const types = [
  'Submitted',
  'Started',
  'Failed',
  'Retried',
  'Succeeded',
  'Released',
  'Rescheduled',
  'CancelRequested',
  'Cancelled',
] as const satisfies readonly TaskEvent['type'][]

const envelope = {
  version: z.int().min(1),
  type: z.enum(types),
  data: z.record(z.string(), z.unknown()),
  recordedAt: instant,
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  traceId: z.string().nullable(),
}

export const eventsView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          ...envelope,
          traceUrl: z.string().nullable().meta({ description: 'Where people look at the trace, if there is a place.' }),
          stateAfter: z.strictObject({ status, detail, attempt: z.int() }),
        })
        .meta({ id: 'TaskEvent' }),
    ),
  })
  .meta({ id: 'TaskEvents' })

export const feedView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          cursor: z.string().meta({ description: 'Resumes after this event.' }),
          taskId: z.uuid(),
          ...envelope,
        })
        .meta({ id: 'FeedEvent' }),
    ),
    nextCursor: z.string().meta({ description: 'Where to read on; repeat it to follow.' }),
  })
  .meta({ id: 'FeedPage' })
