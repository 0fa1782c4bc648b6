import { z } from 'zod'
import type { TaskDetail, TaskStatus } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
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

const instantPattern =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/

/**
 * The instant that an RFC 3339 text names, in any offset; undefined when it names none.
 *
 * Digits finer than a millisecond are dropped. The pattern is checked before `Date`, which takes looser forms, and the 30th
 * of February for the 2nd of March.
 */
const findInstant = (text: string): Instant | undefined => {
  const match = instantPattern.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = match
  const fields = [year, month, day, hour, minute, second].map(Number)
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = fields
  if (h > 23 || mi > 59 || s > 59 || Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(y, mo - 1, d)
  date.setUTCHours(h, mi, s, Number(fraction.slice(0, 3).padEnd(3, '0')))
  if (date.getUTCMonth() !== mo - 1 || date.getUTCDate() !== d) return undefined
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000
  return date.getTime() - (sign === '-' ? -offsetMs : offsetMs)
}

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

/**
 * The `when` of a refinement that runs beside other faults, so that all are reported at once. The refinement must then take
 * any value.
 */
export const always = (): boolean => true

/** A refinement to use with `always`: an object has at most one of two members. */
export const excludes =
  (one: string, other: string) =>
  (value: unknown): boolean =>
    typeof value !== 'object' || value === null || !(one in value && other in value)
