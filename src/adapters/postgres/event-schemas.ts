import { z } from 'zod'

/*
 * The data of stored events at their present schema version. Unknown members are ignored, so that a release may add one
 * that an older one does not need.
 */

const count = z.int().min(0)
const run = { run: count, attempt: count }
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

/** One of the two is there; a stored event without either is due at once. */
const due = { delayMs: count.optional(), runAt: instant.optional() }

const submission = z.object({
  ...due,
  type: z.string(),
  queue: z.string(),
  priority: z.int(),
  maxAttempts: count,
  timeoutMs: count,
  retry: z.object({
    strategy: z.enum(['exponential', 'fixed']),
    baseMs: count,
    maxMs: count,
    jitter: z.enum(['full', 'none']),
  }),
  tags: z.array(z.string()),
})

const error = z.object({ name: z.string(), message: z.string(), stack: z.string().optional() })

/** An event as it is stored, but for its body. */
export const storedData = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Submitted'), data: submission }),
  z.object({
    type: z.literal('Started'),
    data: z.object({ attempt: count, incarnation: z.string(), timeLimitMs: count }),
  }),
  z.object({
    type: z.literal('Failed'),
    data: z.object({
      ...run,
      cause: z.enum([
        'handler-error',
        'permanent-error',
        'timeout',
        'worker-lost',
        'crash',
        'payload-invalid',
        'effect-in-doubt',
        'effect-changed',
      ]),
      final: z.boolean(),
      error,
    }),
  }),
  z.object({ type: z.literal('Retried'), data: z.object({ delayMs: count, reopened: z.boolean() }) }),
  z.object({ type: z.literal('Succeeded'), data: z.object(run) }),
  z.object({ type: z.literal('Released'), data: z.object({ ...run, cause: z.literal('shutdown') }) }),
  z.object({ type: z.literal('Rescheduled'), data: z.object(due) }),
  z.object({ type: z.literal('CancelRequested'), data: z.object({}) }),
  z.object({
    type: z.literal('Cancelled'),
    data: z.object({
      cause: z.enum(['requested', 'aborted', 'cut-off', 'shutdown', 'worker-lost', 'crash']),
    }),
  }),
])

export type StoredData = z.output<typeof storedData>
