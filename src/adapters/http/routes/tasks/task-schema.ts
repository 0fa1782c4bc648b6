import { z } from 'zod'
import { detail, status } from '../../request/value-schemas.ts'
import { instantView } from '../instant-view.ts'

const errorFacts = {
  name: z.string(),
  message: z.string(),
  code: z.string().nullable().meta({ description: 'Such as `ECONNREFUSED`; null without one.' }),
}

const errorView = z
  .strictObject({
    ...errorFacts,
    causes: z.array(z.strictObject(errorFacts)).meta({
      description: 'What the error came from: its cause, the errors that it joins, and what those came from.',
    }),
    cause: z.string().meta({ description: 'Why the attempt failed, such as `handler-error` or `timeout`.' }),
    attempt: z.int(),
  })
  .meta({ id: 'TaskError', description: 'The last failure.' })

/** The members of a task in a list; a task by itself has its payload and its result as well. */
export const taskFacts = {
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
  runAt: instantView.meta({ description: 'The present ready instant.' }),
  submittedAt: instantView,
  startedAt: instantView.nullable().meta({ description: 'Start of the latest attempt.' }),
  finishedAt: instantView.nullable(),
  tags: z.array(z.string()),
  version: z.int().min(1),
}

export const taskView = z.strictObject({ ...taskFacts, payload: z.unknown(), result: z.unknown() }).meta({ id: 'Task' })

/** The task that `submissionExample` makes, just stored, as a list shows it. */
export const taskFactsExample = {
  id: '019b76da-a800-7c3e-8f6e-2f1d9c0b5a41',
  type: 'email.send',
  queue: 'mail',
  status: 'PENDING',
  detail: 'ready',
  priority: 10,
  attempt: 0,
  maxAttempts: 5,
  timeoutMs: 60_000,
  error: null,
  progress: null,
  runAt: '2026-01-01T00:00:00.000Z',
  submittedAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
  finishedAt: null,
  tags: ['welcome'],
  version: 1,
}

/** The same task by itself. */
export const taskExample = {
  ...taskFactsExample,
  payload: { to: 'ada@example.com', subject: 'Welcome' },
  result: null,
}
