import { z } from 'zod'
import type { RetryPolicy } from '#domain/retry-policy.ts'

/*
 * The data of stored events at their present schema version. Unknown members are ignored, so that a release may add a member
 * that older releases do not need.
 */

const count = z.int().min(0)
const run = { run: count, attempt: count }
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

/** A stored event has one of the two; without either it is due at once. */
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

const errorFacts = {
  name: z.string(),
  message: z.string(),
  code: z.string().optional(),
  stack: z.string().optional(),
}
const error = z.object({ ...errorFacts, causes: z.array(z.object(errorFacts)).optional() })

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
      detail: z.literal('fenced').exactOptional(),
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

type Members = Readonly<Record<string, unknown>>

/**
 * The data of a submission without `runAt`, which nearly every task that runs has, read at a tenth of the price of the
 * schema. It accepts nothing that the schema refuses; undefined for all else, which the schema then judges.
 */
export const findPlainSubmission = (type: string, data: unknown): StoredData | undefined => {
  if (type !== 'Submitted' || !isObject(data) || data['runAt'] !== undefined) return undefined
  const { type: taskType, queue, priority, maxAttempts, timeoutMs, delayMs, tags } = data
  const retry = findRetry(data['retry'])
  if (typeof taskType !== 'string' || typeof queue !== 'string' || !isTexts(tags) || retry === undefined)
    return undefined
  if (!isWhole(priority) || !isCount(maxAttempts) || !isCount(timeoutMs) || !isCount(delayMs)) return undefined
  return { type, data: { delayMs, type: taskType, queue, priority, maxAttempts, timeoutMs, retry, tags } }
}

const findRetry = (retry: unknown): RetryPolicy | undefined => {
  if (!isObject(retry)) return undefined
  const { strategy, baseMs, maxMs, jitter } = retry
  if ((strategy !== 'exponential' && strategy !== 'fixed') || (jitter !== 'full' && jitter !== 'none')) return undefined
  return isCount(baseMs) && isCount(maxMs) ? { strategy, baseMs, maxMs, jitter } : undefined
}

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value)
const isCount = (value: unknown): value is number => isWhole(value) && value >= 0
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((element) => typeof element === 'string')
