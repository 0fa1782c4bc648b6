import { z } from 'zod'
import type { ExplanationCode } from '#application/queries/explain-task.ts'
import { detail, status } from '../../request/values.ts'

const instant = z.iso.datetime({ precision: 3 })

const explanationCodes = [
  'not-due',
  'waiting-for-retry',
  'no-worker-for-type',
  'no-worker-for-queue',
  'workers-busy',
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
  progress: z.unknown().meta({ description: 'What the handler last said of how far it has come; null in lists.' }),
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

export const explanationView = z
  .strictObject({
    status,
    detail,
    because: z
      .array(z.strictObject({ code: z.enum(explanationCodes), message: z.string() }))
      .meta({ description: 'Empty while a ready task is about to be taken.' }),
    next: z
      .strictObject({ what: z.enum(['ready', 'time-limit']), at: instant })
      .nullable()
      .meta({ description: 'What happens by itself; null when nothing does, or nobody knows when.' }),
  })
  .meta({ id: 'Explanation' })

export const effectsView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          name: z.string(),
          mode: z.string(),
          state: z.enum(['started', 'completed', 'in-doubt']),
          attempt: z.int().meta({ description: 'The attempt that claimed it last.' }),
          result: z.unknown(),
          startedAt: instant,
          completedAt: instant.nullable(),
        })
        .meta({ id: 'Effect' }),
    ),
  })
  .meta({ id: 'Effects' })

export const batchResultsView = z
  .strictObject({
    results: z.array(
      z.union([
        z.strictObject({ status: z.literal(202), task: taskView }),
        z.strictObject({
          status: z.union([z.literal(413), z.literal(422), z.literal(500), z.literal(503)]),
          problem: problemView,
        }),
      ]),
    ),
  })
  .meta({ id: 'BatchResults' })
