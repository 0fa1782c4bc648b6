import { z } from 'zod'
import type { TaskDetail, TaskStatus } from '#domain/task/state.ts'
import { findInstant } from './parse-instant.ts'
import { countCodePoints, findUnstorable, judgeText } from './storable-json.ts'

/** The name of a task type or queue. */
export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, {
  error: 'must be 1 to 128 of A-Z a-z 0-9 . _ : - and begin with a letter or digit',
})

/** A whole number within limits, both included. Not `z.int()`, whose refusal keeps the checks around it from running. */
export const whole = (minimum: number, maximum: number) =>
  z
    .number()
    .min(minimum, { error: `must be at least ${minimum}` })
    .max(maximum, { error: `must be at most ${maximum}` })
    .refine(Number.isInteger, { error: 'must be whole' })
    .meta({ override: { type: 'integer' } })

/** Text of `minimum` to `maximum` code points that can be stored as it is. */
export const text = (minimum: number, maximum: number) =>
  z
    .string()
    .check((context) => {
      const length = countCodePoints(context.value, maximum)
      const message =
        judgeText(context.value) ??
        (length < minimum || length > maximum ? `must be ${minimum} to ${maximum} code points` : undefined)
      if (message !== undefined) context.issues.push({ code: 'custom', input: context.value, message })
    })
    .meta({ minLength: minimum, maxLength: maximum })

/** Any JSON that can be stored and given back to the letter. */
export const json = z.unknown().check((context) => {
  for (const { path, message } of findUnstorable(context.value)) {
    context.issues.push({ code: 'custom', input: context.value, path: [...path], message })
  }
})

/** An RFC 3339 instant in any offset, as milliseconds since 1970. */
export const instant = z
  .string()
  .transform((written, context) => {
    const found = findInstant(written)
    if (found !== undefined) return found
    context.issues.push({ code: 'custom', input: written, message: 'must be an instant like 2026-01-01T00:00:00Z' })
    return z.NEVER
  })
  .meta({ override: { type: 'string', format: 'date-time' } })

/** How many items a page may hold, as a query says it. */
export const pageLimit = (maximum: number, byDefault: number) =>
  z
    .string()
    .refine((written) => /^[1-9][0-9]{0,3}$/.test(written) && Number(written) <= maximum, {
      error: `must be a whole number from 1 to ${maximum}`,
    })
    .transform(Number)
    .meta({ override: { type: 'integer', minimum: 1, maximum, default: byDefault } })

const statuses = ['PENDING', 'PROCESSING', 'SUCCESS', 'FAILED', 'CANCELLED'] as const satisfies readonly TaskStatus[]

export const status = z.enum(statuses)

const details = [
  'scheduled',
  'ready',
  'retrying',
  'running',
  'cancelling',
  'succeeded',
  'attempts-exhausted',
  'permanent-error',
  'payload-invalid',
  'crash-loop',
  'effect-in-doubt',
  'effect-changed',
  'cancelled',
] as const satisfies readonly TaskDetail[]

export const detail = z.enum(details)
