import { z } from 'zod'
import { retryAfterMsMax } from '#application/ports/task-handler.ts'
import { always, excludes, instant, json, name, text, whole } from '../../../request/value-schemas.ts'

const keepsOrder = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null || !('baseMs' in value && 'maxMs' in value)) return true
  const { baseMs, maxMs } = value
  return typeof baseMs !== 'number' || typeof maxMs !== 'number' || baseMs <= maxMs
}

const retry = z
  .strictObject({
    strategy: z.enum(['exponential', 'fixed']).exactOptional(),
    baseMs: whole(0, 86_400_000).exactOptional(),
    maxMs: whole(0, 604_800_000).exactOptional(),
    jitter: z.enum(['full', 'none']).exactOptional(),
  })
  .refine(keepsOrder, { path: ['maxMs'], when: always, error: 'must be at least baseMs' })
  .meta({
    description: 'How long to wait before the next attempt. A maxMs left out is the larger of its default and baseMs.',
  })

const namesOneDue = excludes('runAt', 'delayMs')

const members = {
  type: name,
  payload: json
    .exactOptional()
    .meta({ description: 'Any JSON, at most 262,144 bytes and 100 containers deep; null when left out.' }),
  queue: name.exactOptional().meta({ description: '`default` when left out.' }),
  priority: whole(-100, 100)
    .exactOptional()
    .meta({ description: 'Higher first; a point is a head start of a minute. 0 when left out.' }),
  runAt: instant
    .exactOptional()
    .meta({ description: 'When it becomes due, up to ten years ahead; the past means now.' }),
  delayMs: whole(0, retryAfterMsMax)
    .exactOptional()
    .meta({ description: 'How long until it becomes due. Excludes runAt.' }),
  maxAttempts: whole(1, 100).exactOptional().meta({ description: 'That of the type, or 5, when left out.' }),
  timeoutMs: whole(1, 86_400_000).exactOptional().meta({ description: 'That of the type, or 60,000, when left out.' }),
  retry: retry.exactOptional(),
  tags: z.array(text(1, 64)).max(20).exactOptional(),
}

/** What `POST /api/tasks` takes. Defaults are filled in by the application, since a task type may bring its own. */
export const taskInput = z
  .strictObject(members)
  .refine(namesOneDue, { path: ['runAt'], when: always, error: 'excludes delayMs' })
  .refine(namesOneDue, { path: ['delayMs'], when: always, error: 'excludes runAt' })
  .meta({ id: 'TaskInput' })

/** One task of a batch: the same, and a key of its own. */
export const batchItem = z
  .strictObject({
    ...members,
    idempotencyKey: z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, { error: 'must be 1 to 255 visible characters of ASCII' })
      .exactOptional()
      .meta({ description: 'As the header `Idempotency-Key` of a single submission, and one space with it.' }),
  })
  .refine(namesOneDue, { path: ['runAt'], when: always, error: 'excludes delayMs' })
  .refine(namesOneDue, { path: ['delayMs'], when: always, error: 'excludes runAt' })
  .meta({ id: 'BatchItem' })

export type TaskInput = z.infer<typeof taskInput>

export const submissionExample = {
  type: 'email.send',
  payload: { to: 'ada@example.com', subject: 'Welcome' },
  queue: 'mail',
  priority: 10,
  delayMs: 0,
  maxAttempts: 5,
  timeoutMs: 60_000,
  retry: { strategy: 'exponential', baseMs: 1_000, maxMs: 3_600_000, jitter: 'full' },
  tags: ['welcome'],
}
