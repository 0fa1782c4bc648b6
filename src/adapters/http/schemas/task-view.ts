import { z } from 'zod'
import { detail, status } from './values.ts'

const instant = z.iso.datetime({ precision: 3 })

const errorView = z
  .strictObject({ name: z.string(), message: z.string(), cause: z.string(), attempt: z.int() })
  .meta({ id: 'TaskError', description: 'The last failure.' })

const facts = {
  id: z.uuid(),
  type: z.string(),
  queue: z.string(),
  status,
  detail,
  priority: z.int(),
  attempt: z.int().meta({ description: 'Attempts spent so far, or running.' }),
  maxAttempts: z.int(),
  timeoutMs: z.int(),
  error: errorView.nullable(),
  progress: z.unknown(),
  runAt: instant.meta({ description: 'The present ready instant.' }),
  submittedAt: instant,
  startedAt: instant.nullable().meta({ description: 'Start of the latest attempt.' }),
  finishedAt: instant.nullable(),
  tags: z.array(z.string()),
  version: z.int().min(1),
}

export const taskView = z.strictObject({ ...facts, payload: z.unknown(), result: z.unknown() }).meta({ id: 'Task' })

export const taskPageView = z
  .strictObject({
    items: z.array(z.strictObject(facts).meta({ id: 'TaskSummary' })),
    nextCursor: z.string().nullable().meta({ description: 'Where the next page begins; null after the last one.' }),
  })
  .meta({ id: 'TaskPage' })

export const eventsView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          version: z.int().min(1),
          type: z.enum([
            'Submitted',
            'Started',
            'Failed',
            'Retried',
            'Succeeded',
            'Released',
            'Rescheduled',
            'CancelRequested',
            'Cancelled',
          ]),
          data: z.record(z.string(), z.unknown()),
          recordedAt: instant,
          actor: z.string().nullable(),
          reason: z.string().nullable(),
          traceId: z.string().nullable(),
          stateAfter: z.strictObject({ status, detail, attempt: z.int() }),
        })
        .meta({ id: 'TaskEvent' }),
    ),
  })
  .meta({ id: 'TaskEvents' })

export const problemView = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    errors: z.array(z.strictObject({ pointer: z.string(), message: z.string() })),
    traceId: z.string().nullable(),
    taskId: z.uuid().optional().meta({ description: 'The task of a submission whose fate is unknown.' }),
  })
  .meta({ id: 'Problem', description: 'A refusal (RFC 9457).' })
